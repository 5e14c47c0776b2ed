"""A list of accounts is read strictly, and no account borrows from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from td_notebooks.errors import ConfigError
from td_notebooks.fleet.accounts import read_accounts
from td_notebooks.profiles import write_profile


@pytest.fixture
def listed(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "accounts.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def credentials(path: Path, client_id: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'{{"id": "{client_id}", "secret": "not-a-real-one-{client_id}"}}')
    path.chmod(0o600)
    return path


def test_entries_take_defaults_and_paths_beside_the_file(listed, tmp_path, monkeypatch) -> None:
    credentials(tmp_path / "secrets" / "globex.json", "globex-client")
    write_profile("acme", {"account": "acme-eu", "client_id": "c", "region": "eu"})
    path = listed(
        """
        [defaults]
        region = "eu"
        zone = "Europe/Lisbon"

        [[accounts]]
        profile = "acme"

        [[accounts]]
        account = "globex"
        region = "us"
        zone = "America/New_York"
        credentials_file = "secrets/globex.json"
        """
    )
    monkeypatch.chdir("/")
    acme, globex = read_accounts(path)
    assert (acme.name, acme.zone, acme.settings["region"]) == ("acme", "Europe/Lisbon", "eu")
    assert (globex.name, globex.zone) == ("globex", "America/New_York")
    found = globex.find_settings()
    assert found.account.token_url == "https://globex.talkdeskid.com/oauth/token"
    with globex.connect() as client:
        assert client.account == found.account
    with pytest.raises(ConfigError, match="client_secret"):
        acme.find_settings()  # there is no keyring here


@pytest.mark.parametrize(
    ("variable", "value", "missing"),
    [
        ("TALKDESK_ACCOUNT", "other", "account"),
        ("TALKDESK_REGION", "eu", "region"),
        ("TALKDESK_API_URL", "https://api.other.example", "api_url"),
        ("TALKDESK_KEY_ID", "k", "key_id"),
    ],
)
def test_nothing_is_borrowed_from_the_environment(
    listed, tmp_path, monkeypatch, variable, value, missing
) -> None:
    credentials(tmp_path / "globex.json", "globex-client")
    who = "" if missing == "account" else 'account = "globex"'
    path = listed(f'[[accounts]]\nname = "g"\ncredentials_file = "globex.json"\n{who}')
    (entry,) = read_accounts(path)
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=f"'g' .* does not say its {missing}"):
        entry.find_settings()


def test_a_profile_of_the_environment_or_by_default_is_not_used(
    listed, tmp_path, monkeypatch
) -> None:
    credentials(tmp_path / "globex.json", "globex-client")
    (entry,) = read_accounts(
        listed('[[accounts]]\naccount = "globex"\ncredentials_file = "globex.json"')
    )
    write_profile("default", {"region": "eu"})
    with pytest.raises(ConfigError, match="does not say its region"):
        entry.find_settings()
    monkeypatch.setenv("TALKDESK_PROFILE", "default")
    with pytest.raises(ConfigError, match="does not say its"):
        entry.find_settings()


def test_a_profile_may_name_its_own_credentials_file(listed, tmp_path) -> None:
    file = credentials(tmp_path / "own" / "acme.json", "acme-client")
    write_profile("acme", {"account": "acme", "credentials_file": str(file)})
    (entry,) = read_accounts(listed('[[accounts]]\nprofile = "acme"'))
    assert entry.find_settings().account.name == "acme"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no list of accounts"),
        ("[[accounts]\n", "cannot be read"),
        ("accounts = 3", "is no list of accounts"),
        ('[[account]]\nprofile = "a"', "is no list of accounts"),
        ('[[accounts]]\nregion = "eu"', "number 1 .* does not say how to get in"),
        ('[[accounts]]\nprofile = "a"\nclient_secret = "s"', "secrets do not belong"),
        ('[[accounts]]\nprofile = "a"\nregon = "eu"', "unknown setting 'regon'"),
        ('[[accounts]]\nprofile = "a"\nzone = "Mars/Base"', "Unknown time zone"),
        ("[[accounts]]\nprofile = 3", "profile must be a text"),
        ('[[accounts]]\nprofile = "a"\n[[accounts]]\nprofile = "a"', "'a' twice"),
        ('[[accounts]]\ncredentials_file = "a"', "has no name"),
        (
            '[[accounts]]\nname = "eu"\naccount = "acme"\nprofile = "a"\n'
            '[[accounts]]\nname = "us"\naccount = "Acme"\nprofile = "b"',
            "'acme' twice. Accounts of one name in two regions",
        ),
    ],
)
def test_mistakes_in_the_file_are_explained(listed, text, message) -> None:
    with pytest.raises(ConfigError, match=message):
        read_accounts(listed(text))


def test_profiles_of_the_same_account(listed) -> None:
    write_profile("one", {"account": "acme", "region": "us"})
    write_profile("two", {"account": "acme", "region": "eu"})
    with pytest.raises(ConfigError, match="'acme' twice"):
        read_accounts(listed('[[accounts]]\nprofile = "one"\n[[accounts]]\nprofile = "two"'))


def test_a_file_that_is_not_there(tmp_path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_accounts(tmp_path / "none.toml")
