"""Profiles, the keyring, and credentials files as Talkdesk's console downloads them."""

import builtins
import json
import stat
from pathlib import Path

import keyring
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from keyring.errors import KeyringLocked
from test_leaks import clean, every_view

import td_notebooks as td
from td_notebooks.auth import ClientAssertion, ClientSecret
from td_notebooks.auth.files import read_credentials_file
from td_notebooks.auth.users import UserLogin
from td_notebooks.errors import ConfigError
from td_notebooks.front_door import keep_profile
from td_notebooks.profiles import (
    KeyringKeeper,
    keyring_problem,
    profiles_path,
    read_keyring,
    read_profiles,
    write_keyring,
    write_profile,
)
from td_notebooks.secret import Secret, read_secret_file, write_secret_file
from td_notebooks.settings import find_settings

KEY = (
    ec.generate_private_key(ec.SECP256R1())
    .private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    .decode()
)
BARE = "".join(KEY.splitlines()[1:-1])


@pytest.fixture
def keep(tmp_path):
    def write(content, name="client.json", mode=0o600):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        path.chmod(mode)
        return str(path)

    return write


def test_a_profile_comes_back_and_is_for_its_owner_only():
    odd = 'a "quoted" \\ line\nand \x7f ünd 🎉'
    path = write_profile("nightly", {"account": "acme", "ca": odd})
    write_profile("other", {"account": "b", "client_secret": Secret("s3cret-s3cret")})
    assert path == profiles_path()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    write_profile("nightly", {"account": "acme", "ca": odd, "region": "eu"})
    found = read_profiles()
    assert found["nightly"] == {"account": "acme", "ca": odd, "region": "eu"}
    assert found["other"]["client_secret"].reveal() == "s3cret-s3cret"
    assert [path.name for path in path.parent.iterdir()] == ["profiles.toml"]


@pytest.mark.parametrize("name", ["", "a b", "a]", "ä", "x" * 65])
def test_a_name_that_is_none(name):
    with pytest.raises(ConfigError, match="no name for a profile"):
        write_profile(name, {})


def test_damaged_or_open_profiles_are_refused():
    path = write_profile("a", {"account": "acme"})
    path.write_text("[a\naccount =")
    with pytest.raises(ConfigError, match=r"profiles\.toml cannot be read"):
        read_profiles()
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_profiles()


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_secret_file(tmp_path / "file" / "x", Secret("x"))


def test_a_secret_file_that_is_no_text(tmp_path):
    path = tmp_path / "key"
    path.write_bytes(b"\xff\xfe\x00")
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="it is no text") as caught:
        read_secret_file(path)
    assert caught.value.__context__ is None


def test_what_wins(monkeypatch, tmp_path, keep):
    """Argument, what it names, environment, what it names, .env, and the default profile last."""
    write_profile("default", {"account": "from-default", "region": "ca", "client_id": "default"})
    write_profile("nightly", {"account": "from-nightly", "region": "eu"})
    file = keep({"client_id": "from-file", "client_secret": "x"})

    def sources(**given):
        settings = find_settings(**given)
        return {s.name: s.source for s in settings.found}, settings

    monkeypatch.setenv("TALKDESK_CLIENT_SECRET", "from-environment")
    found, settings = sources()
    assert settings.account.name == "from-default" and settings.profile == "default"
    assert found["account"] == "profile 'default' account"
    monkeypatch.setenv("TALKDESK_ACCOUNT", "from-environment")
    assert sources(client_id="argument")[1].account.name == "from-environment"
    found, settings = sources(profile="nightly", client_id="argument", client_secret=Secret("x"))
    assert settings.account.name == "from-nightly" and settings.account.region == "eu"
    assert found["profile"] == "argument profile" and settings.profile == "nightly"
    monkeypatch.setenv("TALKDESK_PROFILE", "nightly")
    assert sources(client_id="argument")[1].account.name == "from-environment"
    (tmp_path / ".env").write_text(f"TALKDESK_CREDENTIALS_FILE={file}\nTALKDESK_CLIENT_ID=env\n")
    found, settings = sources()
    assert settings.credentials == ClientSecret("env", Secret("from-environment"))
    found, settings = sources(credentials_file=file, account="a")
    assert settings.credentials == ClientSecret("from-file", Secret("x"))
    assert found["client_secret"] == f"{file}: client_secret"
    write_profile("nightly", {"account": "n", "credentials_file": file})
    assert sources(profile="nightly")[1].credentials.client_id == "from-file"


def test_a_profile_that_is_not_there():
    with pytest.raises(ConfigError, match=r"no profile 'x' in .* There are none yet.*login --prof"):
        td.connect(profile="x")
    write_profile("nightly", {})
    with pytest.raises(ConfigError, match=r"It has nightly\."):
        td.connect(profile="x")


SHAPES = {
    "plain": {"client_id": "c", "client_secret": "s"},
    "synonyms": {"id": "c", "secret": "s", "grant_types": ["client_credentials"]},
    "capitals": {"clientId": " c ", "clientSecret": "s\n"},
    "nested": {"oauth_client": {"client_id": "c", "client_secret": "s"}},
    "a list": [{"client_id": "c", "client_secret": "s"}],
    "a nested list": [{"client": {"id": "c", "secret": "s"}}],
    "beside its name": {"id": "app", "name": "My app", "client": {"id": "c", "secret": "s"}},
    "deep": {"data": {"clients": [{"clientID": "c", "client-secret": "s"}]}},
    "half a key": {"client_id": "c", "client_secret": "s", "private_key": "x"},
}


@pytest.mark.parametrize("content", SHAPES.values(), ids=SHAPES)
def test_a_credentials_file_in_every_shape(keep, content):
    found = read_credentials_file(Path(keep(content)))
    assert found == {"client_id": "c", "client_secret": Secret("s")}


@pytest.mark.parametrize(
    ("content", "account", "region"),
    [
        ({"account_name": "acme", "region": "eu", "client": SHAPES["plain"]}, "acme", "eu"),
        ({"token_url": "https://acme.talkdeskid.eu/oauth/token"}, "acme", "eu"),
        ({"token_uri": "https://acme.talkdeskidca.com/oauth/token", "region": "ca"}, "acme", "ca"),
        ({"token_url": "https://a.talkdeskid.com/oauth/token", "subdomain": "acme"}, "acme", "us"),
    ],
)
def test_a_credentials_file_tells_the_account(keep, content, account, region):
    with td.connect(credentials_file=keep(SHAPES["plain"] | content)) as client:
        assert (client.account.name, client.account.region) == (account, region)


def test_a_credentials_file_that_is_deep_beyond_use(keep):
    with pytest.raises(ConfigError, match="lacks client_id"):
        read_credentials_file(Path(keep('{"a": ' * 400 + "1" + "}" * 400)))


@pytest.mark.parametrize("key", [KEY, BARE, KEY.replace("\n", "\\n")], ids=["pem", "bare", "\\n"])
def test_a_credentials_file_with_a_key(keep, key):
    file = keep(
        {
            "id": "c",
            "secret": "not used",
            "private_key": key,
            "kid": "k",
            "alg": "ES256",
            "account_name": "acme",
            "region": "eu",
        }
    )
    client = td.connect(credentials_file=file)
    assert isinstance(client.settings.credentials, ClientAssertion)
    assert client.account.name == "acme" and client.account.region == "eu"
    assert BARE[:40] not in repr(client.settings) and f"{file}: key_id" in repr(client.settings)
    client.close()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is no JSON object"),
        ("[]", "is no JSON object"),
        ('"text"', "is no JSON object"),
        ("[" * 100_000, "is no JSON object"),
        ([{}, {}], "holds 2 clients"),
        ({}, "lacks client_id .* it is empty"),
        ({"client_secret": "s3cret-s3cret"}, "lacks client_id .* it has client_secret"),
        ({"id": "c", "kid": "k"}, "lacks client_secret or private_key"),
        ({"id": "c", "private_key": BARE}, "lacks key_id"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_credentials_file_that_is_none(keep, content, said):
    with pytest.raises(ConfigError, match=said):
        td.connect(account="acme", credentials_file=keep(content))


def test_a_credentials_file_for_everybody(keep):
    file = keep(SHAPES["plain"], mode=0o644)
    with pytest.raises(ConfigError, match=f"chmod 600 {file}"):
        td.connect(account="acme", credentials_file=file)


def test_secrets_from_the_keyring(box):
    assert keyring_problem() is None
    write_keyring("c", "client_secret", Secret("from-keyring"))
    settings = find_settings(account="acme", client_id="c")
    assert settings.credentials == ClientSecret("c", Secret("from-keyring"))
    assert "•••  (keyring)" in repr(settings)
    box.entries.clear()
    write_keyring("c", "private_key", Secret(BARE))
    assert isinstance(
        find_settings(account="acme", client_id="c", key_id="k").credentials, ClientAssertion
    )
    with pytest.raises(ConfigError, match="nothing of this client"):
        find_settings(account="acme", client_id="other")


def test_a_machine_without_a_keyring():
    assert keyring_problem() == "this machine has no keyring"
    assert read_keyring("c", "client_secret") is None
    with pytest.raises(ConfigError, match=r"no keyring\. On a server use .*CREDENTIALS_FILE"):
        write_keyring("c", "client_secret", Secret("s3cret-s3cret"))
    with pytest.raises(ConfigError, match=r"the keyring \(this machine has no keyring\)"):
        find_settings(account="acme", client_id="c")


def test_without_the_package(monkeypatch):
    real = builtins.__import__

    def no_keyring(name, *rest):
        if name.startswith("keyring"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", no_keyring)
    assert "pip install 'td_notebooks[keyring]'" in keyring_problem()


@pytest.mark.parametrize("kind", [KeyringLocked, RuntimeError, OSError])
def test_a_keyring_that_refuses(box, monkeypatch, caplog, kind):
    """Its backends raise what their own libraries do."""

    def locked(*arguments):
        raise kind("no")

    monkeypatch.setattr(box, "get_password", locked)
    monkeypatch.setattr(box, "set_password", locked)
    assert read_keyring("c", "client_secret") is None
    with pytest.raises(ConfigError, match=rf"refuses \({kind.__name__}\)") as caught:
        write_keyring("c", "client_secret", Secret("hunter2-hunter2"))
    for view in every_view(caught.value):
        clean(view, {"hunter2-hunter2"})
    keeper = KeyringKeeper("c", "nightly")
    keeper.write(Secret("new-refresh-token"))
    assert keeper.read().reveal() == "new-refresh-token"
    assert "refresh_token of client 'c' cannot be kept" in caplog.text
    monkeypatch.undo()
    keyring.set_keyring(box)
    keeper.write(Secret("newer"))
    assert KeyringKeeper("c", "nightly").read().reveal() == "newer"
    assert KeyringKeeper("c", "other").read() is None


def test_a_client_is_kept_as_a_profile(box, keep):
    settings = find_settings(
        account="acme", region="eu", client_id="c", client_secret=Secret("s3cret-s3cret")
    )
    path = keep_profile(settings, "nightly")
    assert "s3cret" not in path.read_text()
    again = find_settings(profile="nightly")
    assert again.credentials == settings.credentials and again.account == settings.account
    file = keep(SHAPES["plain"])
    keep_profile(find_settings(account="acme", credentials_file=file), "file")
    assert read_profiles()["file"] == {
        "account": "acme",
        "client_id": "c",
        "credentials_file": file,
    }


def test_a_kept_login_is_a_users(box):
    write_profile("nightly", {"account": "acme", "client_id": "c", "login": "user"})
    write_keyring("c", "client_secret", Secret("x"))
    write_keyring("c", "refresh_token nightly", Secret("r"))
    credentials = find_settings(profile="nightly").credentials
    assert isinstance(credentials, UserLogin)
    assert credentials.grant("").form()["refresh_token"] == "r"
    write_profile("odd", {"account": "acme", "client_id": "c", "login": "yes"})
    with pytest.raises(ConfigError, match="login is 'yes'"):
        find_settings(profile="odd")


def test_what_looks_like_something_else():
    swapped = {"client_id": "s" * 86, "client_secret": Secret("0123456789abcdef" * 2)}
    with pytest.raises(ConfigError, match="swapped") as caught:
        find_settings(account="acme", **swapped)
    assert "ssss" not in str(caught.value)
    with pytest.raises(ConfigError, match="looks like the account's id"):
        find_settings(account="0123456789abcdef01234567", client_id="c", client_secret=Secret("x"))
