import os

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from td_notebooks.auth import ClientAssertion, ClientSecret
from td_notebooks.errors import AuthError, ConfigError, TokenError
from td_notebooks.front_door import connect
from td_notebooks.secret import Secret
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
GIVEN = {"account": "acme", "client_id": "cid", "client_secret": Secret("s3cret-s3cret")}


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "key.pem"
    path.write_text(KEY)
    path.chmod(0o600)
    return path


def test_arguments_win_over_environment_over_dotenv(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text(
        "TALKDESK_CLIENT_ID=from-dotenv\nTALKDESK_CLIENT_SECRET=x\nTALKDESK_REGION=ca\n"
    )
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    monkeypatch.setenv("TALKDESK_REGION", "eu")
    monkeypatch.setenv("TALKDESK_ACCOUNT", "environment")
    assert find_settings().account.name == "environment"
    monkeypatch.delenv("TALKDESK_ACCOUNT")
    settings = find_settings(account="argument")
    assert settings.account.name == "argument"
    assert settings.account.region == "eu"
    assert settings.credentials.client_id == "from-dotenv"
    sources = {setting.name: setting.source for setting in settings.found}
    assert sources["account"] == "argument account"
    assert sources["region"] == "environment variable TALKDESK_REGION"
    assert sources["client_id"] == f"{tmp_path / '.env'}: TALKDESK_CLIENT_ID"
    assert "TALKDESK_CLIENT_ID" not in os.environ


def test_scopes_are_the_least_that_reports_need():
    assert find_settings(**GIVEN).scope == "data-reports:read data-reports:write"
    assert find_settings(**GIVEN, reports_path="reports/").scope == "reports:read reports:write"
    assert find_settings(**GIVEN, scope="a b").scope == "a b"
    assert find_settings(**GIVEN, reports_path="/reports").older_api


def test_what_was_found_is_shown_masked():
    shown = repr(find_settings(**GIVEN))
    assert "acme" in shown and "argument client_secret" in shown and "•••" in shown
    assert "s3cret" not in shown


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "account, client_id, client_secret"),
        ({"account": "acme", "client_id": "cid"}, "client_secret"),
        ({"account": "acme", "client_secret": Secret("x")}, "client_id"),
        ({"account": "acme", "client_id": "cid", "private_key": Secret(KEY)}, "key_id"),
    ],
)
def test_one_error_names_what_is_missing_and_every_place(given, missing, tmp_path):
    with pytest.raises(ConfigError) as caught:
        find_settings(**given)
    message = str(caught.value)
    assert f"{missing}" in message
    for place in ("the arguments", "the environment", ".env", "td.connect(sandbox=True)"):
        assert place in message


def test_two_proofs_in_one_place_contradict_each_other(monkeypatch, key_file):
    with pytest.raises(ConfigError, match="client_secret and private_key are both given"):
        find_settings(**GIVEN, private_key=Secret(KEY), key_id="k")
    monkeypatch.setenv("TALKDESK_CLIENT_SECRET", "y")
    settings = find_settings(
        account="acme", client_id="c", key_id="k", private_key_file=str(key_file)
    )
    assert isinstance(settings.credentials, ClientAssertion)


@pytest.mark.parametrize("spelling", ["text", "path", "file", "literal line breaks"])
def test_a_private_key_is_given_as_text_or_as_a_file(spelling, key_file):
    given = {
        "text": {"private_key": Secret(KEY)},
        "path": {"private_key": Secret(str(key_file))},
        "file": {"private_key_file": str(key_file)},
        "literal line breaks": {"private_key": Secret(KEY.replace("\n", "\\n"))},
    }[spelling]
    settings = find_settings(account="acme", client_id="cid", key_id="k", **given)
    assert isinstance(settings.credentials, ClientAssertion)
    assert settings.credentials.algorithm == "ES256"


def test_a_key_file_others_can_read_is_refused_with_the_way_to_mend_it(key_file):
    key_file.chmod(0o640)
    with pytest.raises(ConfigError, match=f"chmod 600 {key_file}"):
        find_settings(account="a", client_id="c", key_id="k", private_key_file=str(key_file))


def test_a_key_file_that_is_not_there():
    with pytest.raises(ConfigError, match="cannot be read"):
        find_settings(account="a", client_id="c", key_id="k", private_key_file="/nowhere/key")


def test_a_ca_file_that_is_not_there():
    with pytest.raises(ConfigError, match=r"ca = .*does not exist"):
        find_settings(**GIVEN, ca="/nowhere/ca.pem")


def test_addresses_stand_for_an_account():
    settings = find_settings(
        client_id="c",
        client_secret=Secret("x"),
        api_url="https://api.example",
        token_url="https://id.example/oauth/token",
    )
    assert settings.account.api_url == "https://api.example"


def test_an_unknown_setting_is_named():
    with pytest.raises(ConfigError, match="Unknown setting 'acount'"):
        find_settings(acount="acme")


def test_spaces_around_values_do_not_count():
    settings = find_settings(account=" acme ", client_id=" c\n", client_secret=Secret("x"))
    assert (settings.account.name, settings.credentials) == ("acme", ClientSecret("c", Secret("x")))


def test_connect_asks_nothing_over_the_network():
    with connect(account="acme", client_id="c", client_secret="x") as client:
        assert repr(client) == "<Talkdesk account='acme' region='us'>"
        assert client.account.api_url == "https://api.talkdeskapp.com"


def test_a_sandbox_can_be_tried_with_a_wrong_secret_or_less_scope(start_sandbox, open_client):
    sandbox = start_sandbox()
    with pytest.raises(TokenError, match="secret"):
        open_client(sandbox, client_secret="wrong").renew_token()
    reader = open_client(sandbox, scope="data-reports:read")
    assert reader.jobs("calls") == []
    with pytest.raises(AuthError, match="data-reports:write"):
        reader.submit("calls", "2026-08-03", "2026-08-04")
