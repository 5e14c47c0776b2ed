"""Settings and keys as people have them: blank, padded, quoted, in other encodings, cut short."""

from __future__ import annotations

import base64
import inspect
import io
import re

import pytest
import rich
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from rich.console import Console
from test_leaks import clean, every_view

from td_notebooks.auth import ClientAssertion, ClientSecret, LongLivedToken
from td_notebooks.auth.credentials import load_private_key
from td_notebooks.errors import ConfigError
from td_notebooks.front_door import connect
from td_notebooks.secret import Secret
from td_notebooks.settings import find_settings

HIDDEN = "hunter2-hunter2-hunter2"
KNOWN = {"account": "acme", "client_id": "c"}
FORMS = serialization.PrivateFormat
OWN = ec.generate_private_key(ec.SECP256R1())
PARAMETERS = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def pem(form=FORMS.PKCS8, key=OWN):
    return key.private_bytes(
        serialization.Encoding.PEM, form, serialization.NoEncryption()
    ).decode()


def bare(form=FORMS.PKCS8, key=OWN):
    return "".join(pem(form, key).splitlines()[1:-1])


SPELLINGS = {
    "PKCS#8": pem(),
    "SEC1": pem(FORMS.TraditionalOpenSSL),
    "CRLF": pem().replace("\n", "\r\n"),
    "literal line breaks": pem().replace("\n", "\\n"),
    "literal CRLF": pem().replace("\n", "\\r\\n"),
    "bare PKCS#8": bare(),
    "bare SEC1": bare(FORMS.TraditionalOpenSSL),
    "PKCS#8 with the other label": pem().replace("PRIVATE", "EC PRIVATE"),
    "after its parameters": PARAMETERS + pem(FORMS.TraditionalOpenSSL),
    "after a certificate": CERTIFICATE + pem(),
    "quoted": '"' + pem().replace("\n", "\\n") + '"',
    "base64 of the PEM": base64.b64encode(pem().encode()).decode(),
    "with blanks around": f"\n  {pem()}  \n",
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS)
def test_a_private_key_in_every_spelling(tmp_path, text):
    assert load_private_key(Secret(text)).private_numbers() == OWN.private_numbers()
    path = tmp_path / "key"
    path.write_text(text, newline="")
    path.chmod(0o600)
    for given in ({"private_key": text}, {"private_key": str(path)}):
        found = find_settings(**KNOWN, key_id="k", **given).credentials
        assert isinstance(found, ClientAssertion) and found.algorithm == "ES256"


def test_a_private_key_in_a_binary_file(tmp_path, monkeypatch):
    path = tmp_path / "key.der"
    path.write_bytes(
        OWN.private_bytes(serialization.Encoding.DER, FORMS.PKCS8, serialization.NoEncryption())
    )
    path.chmod(0o600)
    monkeypatch.setenv("TALKDESK_PRIVATE_KEY_FILE", str(path))
    assert isinstance(find_settings(**KNOWN, key_id="k").credentials, ClientAssertion)


@pytest.mark.parametrize("length", [184, 255, 256, 300, 1000])
@pytest.mark.parametrize("where", ["", "~nobody-of-this-name/", "/nowhere/", "\0"])
def test_a_key_that_is_no_file_name_either(length, where):
    """Longer than the system lets a name be: what it complains with must not be the key."""
    text = where + "M" * length
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        connect(**KNOWN, key_id="k", private_key=text)
    if not where.startswith(("/", "~")):  # else it is a path, and named
        for view in every_view(caught.value):
            clean(view, {text})


def test_a_key_for_rs256_is_refused_with_what_is_possible():
    key = pem(key=rsa.generate_private_key(65537, 2048))
    with pytest.raises(ConfigError, match=r"RS256 is not possible.*PS256, PS384, PS512"):
        find_settings(**KNOWN, key_id="k", private_key=key, key_algorithm="RS256")
    assert find_settings(**KNOWN, key_id="k", private_key=key).credentials.algorithm == "PS256"


def test_a_path_is_as_good_as_its_text(tmp_path):
    key, file = tmp_path / "key.pem", tmp_path / "client.json"
    key.write_text(pem())
    file.write_text('{"client_id": "c", "client_secret": "s"}')
    for path in (key, file):
        path.chmod(0o600)
    with connect(**KNOWN, private_key=key, key_id="k") as client:
        assert isinstance(client.settings.credentials, ClientAssertion)
    with connect(account="acme", credentials_file=file) as client:
        assert client.settings.credentials == ClientSecret("c", Secret("s"))


@pytest.mark.parametrize("given", [" s ", "s\n", Secret(" s\r\n"), Secret("s ")])
def test_blanks_around_a_secret_are_no_part_of_it(given, monkeypatch):
    expected = ClientSecret("c", Secret("s"))
    padded = {"account": " acme ", "client_id": "\tc "}
    assert find_settings(**padded, client_secret=given).credentials == expected
    with connect(**padded, client_secret=given) as client:
        assert client.settings.credentials == expected and client.account.name == "acme"


@pytest.mark.parametrize("name", ["account", "client_id", "client_secret"])
@pytest.mark.parametrize("blank", ["", "   ", "\n"])
def test_a_blank_setting_is_none(name, blank, monkeypatch):
    known = KNOWN | {"client_secret": "s"}
    with pytest.raises(ConfigError, match=f"{name}.* not found"):
        find_settings(**known | {name: blank})
    monkeypatch.setenv(f"TALKDESK_{name.upper()}", blank)
    with pytest.raises(ConfigError, match=f"{name}.* not found"):
        find_settings(**{key: value for key, value in known.items() if key != name})


@pytest.mark.parametrize("name", ["TALKDESK_CREDENTIALS_FILE", "TALKDESK_PRIVATE_KEY_FILE"])
def test_a_path_in_an_env_file_is_seen_from_there(tmp_path, monkeypatch, name):
    folder, below = tmp_path / "project", tmp_path / "project" / "notebooks"
    below.mkdir(parents=True)
    content = {"TALKDESK_CREDENTIALS_FILE": '{"id": "c", "secret": "s"}'}.get(name, pem())
    (folder / "secret").write_text(content)
    (folder / "secret").chmod(0o600)
    (folder / ".env").write_text(f"{name}=secret\nTALKDESK_KEY_ID=k\nTALKDESK_CLIENT_ID=c")
    for here in (below, folder):
        monkeypatch.chdir(here)
        assert find_settings(account="acme").credentials.client_id == "c"


def test_defaults_are_shown_as_such():
    shown = repr(find_settings(**KNOWN, client_secret="s"))
    assert re.search(r"region +us +\(default\)", shown)
    assert re.search(r"scope +data-reports:read data-reports:write +\(default\)", shown)
    shown = repr(find_settings(**KNOWN, client_secret="s", region="eu"))
    assert re.search(r"region +eu +\(argument region\)", shown)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_an_env_file_in_another_encoding(tmp_path, encoding):
    (tmp_path / ".env").write_text(f"TALKDESK_CLIENT_SECRET={HIDDEN}ü", encoding=encoding)
    with pytest.raises(ConfigError, match=r"\.env cannot be read: it is no UTF-8 text") as caught:
        find_settings(**KNOWN)
    for view in every_view(caught.value):
        clean(view, {HIDDEN})
    (tmp_path / ".env").write_text("TALKDESK_CLIENT_SECRET=s", encoding="utf-8-sig")
    assert find_settings(**KNOWN).credentials == ClientSecret("c", Secret("s"))


def test_nothing_that_lists_attributes_shows_a_secret():
    secret, shown = Secret(HIDDEN), io.StringIO()
    rich.inspect(secret, private=True, dunder=True, methods=True, console=Console(file=shown))
    views = [shown.getvalue(), *map(repr, inspect.getmembers(secret))]
    for view in views:
        clean(view, {HIDDEN})
    assert secret.reveal() == HIDDEN


# -- long-lived tokens -----------------------------------------------------------------------------


def test_long_lived_tokens_by_a_setting(start_sandbox, monkeypatch):
    sandbox = start_sandbox()
    monkeypatch.setenv("TALKDESK_TOKEN_TYPE", "opaque")
    monkeypatch.setenv("TALKDESK_TOKEN_DAYS", "30")
    hosts = {"api_url": sandbox.api_url, "token_url": sandbox.token_url}
    given = {"client_id": sandbox.client_id, "client_secret": sandbox.client_secret}
    with connect(account="acme", **hosts, **given) as client:
        assert isinstance(client.settings.credentials, LongLivedToken)
        token = client.renew_token()
        assert token.expires_in == 30 * 86_400
        assert token.authorization.reveal().startswith("tdst_")
        assert client.jobs("calls") == []
        assert "(environment variable TALKDESK_TOKEN_DAYS)" in repr(client.settings)
    monkeypatch.undo()
    with connect(account="acme", token_type="opaque", token_days=2, **hosts, **given) as client:
        assert client.settings.credentials.seconds == 2 * 86_400


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"token_type": "sts"}, "token_type is 'sts'"),
        ({"token_days": "3"}, "for long-lived tokens only"),
        ({"token_type": "opaque", "token_days": "0"}, "give whole days"),
        ({"token_type": "opaque", "token_days": "366"}, "from 1 to 365"),
        ({"token_type": "opaque", "token_days": "1.5"}, "give whole days"),
        ({"token_type": "opaque", "token_days": "-1"}, "give whole days"),
    ],
)
def test_long_lived_tokens_that_are_none(given, said):
    with pytest.raises(ConfigError, match=said):
        find_settings(**KNOWN, client_secret="s", **given)


def test_a_private_key_gets_no_long_lived_token():
    with pytest.raises(ConfigError, match="for a client secret only"):
        find_settings(**KNOWN, key_id="k", private_key=bare(), token_type="opaque")
