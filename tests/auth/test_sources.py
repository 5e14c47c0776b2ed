"""What belongs together comes together: an account's addresses, a client and its proof."""

import os
import traceback
from pathlib import Path

import certifi
import pytest
from test_profiles import KEY

import td_notebooks as td
from td_notebooks.auth import ClientAssertion, ClientSecret
from td_notebooks.errors import ConfigError
from td_notebooks.front_door import keep_profile
from td_notebooks.profiles import profiles_path, read_profiles, write_profile
from td_notebooks.secret import Secret
from td_notebooks.settings import find_settings

CLIENT = {"client_id": "c", "client_secret": Secret("s")}
SANDBOX = """
TALKDESK_ACCOUNT=sandbox
TALKDESK_REGION=sandbox
TALKDESK_API_URL=http://127.0.0.1:1
TALKDESK_TOKEN_URL=http://127.0.0.1:1/oauth/token
TALKDESK_CLIENT_ID=sandbox-client
TALKDESK_CLIENT_SECRET=sandbox-secret
TALKDESK_SCOPE=some
"""


@pytest.fixture
def dotenv(tmp_path):
    """Write a .env file where the test works."""
    return lambda text: (tmp_path / ".env").write_text(text)


def test_another_account_takes_nothing_from_the_one_in_dotenv(dotenv, tmp_path):
    dotenv(SANDBOX)
    with pytest.raises(ConfigError, match=r"client_id, client_secret .* not found") as caught:
        td.connect(account="other")
    assert f"Not used: what {tmp_path / '.env'} says of account 'sandbox'." in str(caught.value)
    settings = find_settings(account="other", **CLIENT)
    assert settings.account.api_url == "https://api.talkdeskapp.com"
    assert settings.scope == "data-reports:read data-reports:write"
    assert f"not used: what {tmp_path / '.env'} says of account 'sandbox'" in repr(settings)
    same = find_settings(account="Sandbox")
    assert same.account.api_url == "http://127.0.0.1:1" and not same.unused


def test_addresses_win_over_a_region_wherever_it_is_named(dotenv):
    dotenv(SANDBOX)
    assert find_settings(region="eu").account.api_url == "http://127.0.0.1:1"
    assert find_settings(api_url="https://own.example").account.api_url == "https://own.example"


def test_another_client_of_the_account_takes_nothing_from_the_one_in_dotenv(dotenv):
    dotenv(SANDBOX)
    settings = find_settings(client_id="other", client_secret=Secret("x"))
    assert settings.account.api_url == "http://127.0.0.1:1"
    assert settings.scope == "data-reports:read data-reports:write"
    with pytest.raises(ConfigError, match=r"client_secret .* not found.* of client 'sandbox-cli"):
        find_settings(client_id="other")


@pytest.mark.parametrize("account", ["acme", "acme-eu"])
def test_a_profile_left_over_does_not_break_the_environment(monkeypatch, account):
    left = {"account": "acme-eu", "region": "eu", "client_id": "old", "login": "user"}
    write_profile("default", left)
    for name, value in {"ACCOUNT": account, "CLIENT_ID": "c", "CLIENT_SECRET": "s"}.items():
        monkeypatch.setenv(f"TALKDESK_{name}", value)
    settings = find_settings()
    assert settings.credentials == ClientSecret("c", Secret("s"))
    assert settings.account.region == ("eu" if account == "acme-eu" else "us")
    assert settings.profile == ("default" if account == "acme-eu" else "")
    with td.connect(account="acme", client_id="c", client_secret="s") as client:
        assert client.account.region == "us"


def test_a_credentials_file_is_of_the_account_that_names_it(dotenv, tmp_path):
    file = tmp_path / "client.json"
    file.write_text('{"id": "c", "secret": "s"}')
    file.chmod(0o600)
    dotenv(f"TALKDESK_ACCOUNT=acme\nTALKDESK_CREDENTIALS_FILE={file}\n")
    assert find_settings().credentials == ClientSecret("c", Secret("s"))
    with pytest.raises(ConfigError, match=f"what {file} says of account 'acme'"):
        find_settings(account="other")


def test_the_certificates_to_trust_are_this_machines(dotenv):
    dotenv(SANDBOX + f"TALKDESK_CA={certifi.where()}\n")
    assert find_settings(account="other", **CLIENT).ca == certifi.where()


def test_misspelt_names_are_named(monkeypatch, dotenv, tmp_path):
    monkeypatch.setenv("TALKDESK_REGOIN", "eu")
    monkeypatch.setenv("TALKDESK_PSEUDONYM_KEY", "x" * 32)
    dotenv("TALKDESK_WHATEVER=hunter2\nTALKDESK_ACCOUNT=acme\nOTHER=1\n")
    write_profile("default", {"regoin": "eu", "client_id": "c"})
    said = (
        "TALKDESK_REGOIN in the environment, which is no setting: is it TALKDESK_REGION?",
        f"TALKDESK_WHATEVER in {tmp_path / '.env'}, which is no setting",
        "regoin in profile 'default', which is no setting: is it region?",
    )
    settings = find_settings(client_secret=Secret("s"))
    assert settings.unused == said and "hunter2" not in repr(settings)
    with pytest.raises(ConfigError, match=r"client_secret .* Not used: TALKDESK_REGOIN in"):
        find_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("client_secret", "MYSECRET\udce9VALUE"),
        ("client_id", "MYSECRET\udce9VALUE"),
        ("private_key", "MYSECRET\udce9VALUE"),
        ("client_secret", b"MYSECRETVALUE"),
        ("private_key", b"MYSECRETVALUE"),
    ],
)
def test_what_is_no_text_is_refused_without_showing_it(monkeypatch, name, value):
    given = CLIENT | {"account": "acme"}
    if name == "private_key":
        del given["client_secret"]
    said = rf"{name.upper() if isinstance(value, str) else name} is no UTF-8 text"
    if isinstance(value, bytes):
        given[name] = value
    else:
        monkeypatch.setitem(os.environ, f"TALKDESK_{name.upper()}", value)
        given.pop(name, None)
    with pytest.raises(ConfigError, match=said) as caught:
        td.connect(**given)
    assert "MYSECRET" not in str(caught.value)
    secret = name != "client_id"
    for frame, _ in traceback.walk_tb(caught.tb.tb_next):  # the first is this test
        assert not (secret and "MYSECRET" in repr(frame.f_locals))


def test_a_path_need_not_be_utf_8(monkeypatch, tmp_path):
    certificates = Path(os.fsdecode(os.fsencode(tmp_path) + b"/corp\xe9.pem"))
    certificates.write_bytes(Path(certifi.where()).read_bytes())
    monkeypatch.setenv("TALKDESK_CA", str(certificates))
    assert find_settings(account="acme", **CLIENT).ca == str(certificates)


@pytest.mark.parametrize("name", ["token_url", "api_url", "ca", "private_key_file"])
def test_line_breaks_and_tabs_where_none_can_be(dotenv, name):
    dotenv(f'TALKDESK_{name.upper()}="C:\\new\\table.pem"\n')
    with pytest.raises(ConfigError, match=r"TALKDESK_\w+ holds a line break.* single quotes"):
        find_settings(account="acme", client_id="c", key_id="k")


@pytest.mark.parametrize("given", ["reports", "/reports/", "/reports"])
def test_a_reports_path_is_spelt_in_any_way(start_sandbox, open_client, given):
    assert open_client(start_sandbox(), reports_path=given).settings.older_api
    assert find_settings(account="acme", **CLIENT, reports_path=given).older_api


def test_a_reports_path_that_is_not_talkdesks_own(start_sandbox, open_client):
    """Which scopes it needs is not known."""
    settings = open_client(start_sandbox(), reports_path="foo").settings
    assert (settings.reports_path, settings.scope) == ("/foo", "")


def test_a_file_of_certificates_that_holds_none(tmp_path):
    (tmp_path / "corp.pem").write_text("not a certificate\n")
    for given, said in (("corp.pem", "holds no certificates in PEM"), (".", "cannot be read")):
        with pytest.raises(ConfigError, match=f"ca = '{given}', {said}"):
            td.connect(account="acme", client_id="c", client_secret="s", ca=given)


def test_the_profiles_are_out_of_reach(monkeypatch):
    """A service's user may have the home of another one: the environment has everything."""

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.exists", refuse)
    assert find_settings(account="acme", **CLIENT).account.name == "acme"


def test_the_home_folder_is_spelt_as_in_a_shell(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "corp.pem").write_bytes(Path(certifi.where()).read_bytes())
    monkeypatch.setenv("TALKDESK_CA", "~/corp.pem")
    assert find_settings(account="acme", **CLIENT).ca == str(tmp_path / "corp.pem")


def test_a_profile_keeps_whole_paths(box, monkeypatch, tmp_path):
    (tmp_path / "corp.pem").write_bytes(Path(certifi.where()).read_bytes())
    (tmp_path / "key.pem").write_text(KEY)
    (tmp_path / "key.pem").chmod(0o600)
    given = {"account": "acme", "client_id": "c", "key_id": "k", "ca": "corp.pem"}
    keep_profile(find_settings(**given, private_key=Secret("key.pem")), "nightly")
    assert read_profiles()["nightly"] | {"ca": "", "private_key_file": ""} == {
        **given,
        "ca": "",
        "private_key_file": "",
    }
    assert not box.entries
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    settings = find_settings(profile="nightly")
    assert isinstance(settings.credentials, ClientAssertion)
    assert settings.ca == str(tmp_path / "corp.pem")


def test_a_client_that_went_from_a_secret_to_a_key_and_back(box):
    known = {"account": "acme", "client_id": "c"}
    with_secret = find_settings(**known, client_secret=Secret("s"))
    with_key = find_settings(**known, key_id="k", private_key=Secret(KEY))
    for settings in (with_secret, with_key, with_secret):
        keep_profile(settings, "nightly")
        assert find_settings(profile="nightly").credentials == settings.credentials
    assert len(box.entries) == 2 and profiles_path().exists()
