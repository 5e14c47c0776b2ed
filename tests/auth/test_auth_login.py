"""Logging in with the browser, from Python and from a shell, and staying logged in."""

import getpass
import json
import sys
import threading

import pytest
import typer
from visitors import token_requests, visit, visit_meanwhile

import td_notebooks.logins as logins
from td_notebooks.cli.app import Commands
from td_notebooks.cli.login import login as login_command
from td_notebooks.errors import AuthError, ConfigError, NetworkError, TokenError
from td_notebooks.front_door import connect, login
from td_notebooks.profiles import read_keyring, read_profiles, write_keyring
from td_notebooks.sandbox import SandboxClock
from td_notebooks.sandbox.identity import SCOPES
from td_notebooks.sandbox.server import Response

SCOPE = "data-reports:read data-reports:write openid"


@pytest.fixture
def sandbox(start_sandbox):
    return start_sandbox(clock=SandboxClock(), job_seconds=0.05)


@pytest.fixture
def client(sandbox, redirect_uri):
    return sandbox.add_client(
        scopes=[*SCOPES, "openid"],
        redirect_uris=[redirect_uri, "https://jupyter.example/callback"],
    )


@pytest.fixture
def given(sandbox, client, redirect_uri):
    return {
        "account": sandbox.account,
        "region": "sandbox",
        "api_url": sandbox.api_url,
        "token_url": sandbox.token_url,
        "client_id": client.client_id,
        "client_secret": client.client_secret,
        "redirect_uri": redirect_uri,
    }


@pytest.fixture
def opened(monkeypatch):
    """Stand in for the browser of this machine."""
    visitors = []

    def open_page(url):
        visitors.append(visit_meanwhile(url))
        return True

    monkeypatch.setattr(logins.webbrowser, "open", open_page)
    yield visitors
    for visitor in visitors:
        visitor.join()


def test_a_login_that_lasts_as_long_as_the_program(given, opened, sandbox):
    with login(**given, scope=SCOPE) as client:
        assert client.jobs("calls") == []
        client.renew_token()
        assert "•••" in repr(client.settings)
    assert [request.status for request in token_requests(sandbox)] == [200, 200]
    assert read_profiles() == {}


def test_a_login_that_is_kept(given, opened, box, sandbox):
    login(**given, profile="nightly").close()
    first = read_keyring(given["client_id"], "refresh_token nightly")
    for _ in range(2):
        with connect(profile="nightly") as client:
            assert client.jobs("calls") == []
    assert read_keyring(given["client_id"], "refresh_token nightly") != first
    write_keyring(given["client_id"], "refresh_token nightly", first)
    with (
        connect(profile="nightly") as client,
        pytest.raises(TokenError, match="login has ended"),
    ):
        client.renew_token()
    # Logging in again takes the settings of the profile.
    with login(profile="nightly") as client:
        assert client.account.token_url == sandbox.token_url
    profile = read_profiles()["nightly"]
    assert profile["login"] == "user" and "client_secret" not in profile


def test_a_login_cannot_be_kept_without_a_keyring(given):
    with pytest.raises(ConfigError, match=r"cannot be kept in a profile: this machine has no"):
        login(**given, profile="nightly")


@pytest.mark.parametrize("elsewhere", [False, True])
def test_where_no_browser_reaches_the_kernel(given, client, elsewhere):
    shown = []
    if elsewhere:
        given["redirect_uri"] = "https://jupyter.example/callback"

    def ask(prompt):
        return visit(shown[0].rpartition(" ")[2]) + "\n"

    with login(
        **given, browser=False, paste=not elsewhere, show=shown.append, ask=ask
    ) as connected:
        assert connected.jobs("calls") == []
    assert shown[0].startswith("Open this address in a browser")


def test_a_machine_without_a_browser_asks_for_the_address(given, monkeypatch):
    """Somebody else's browser would find nobody at the redirect address."""
    monkeypatch.setattr(logins.webbrowser, "open", lambda url: False)
    shown = []

    def ask(prompt):
        assert "shows no page" in shown[1]
        return visit(shown[0].rpartition(" ")[2])

    with login(**given, show=shown.append, ask=ask, timeout=60) as connected:
        assert connected.jobs("calls") == []


def test_a_pasted_address_of_another_login(given):
    with pytest.raises(AuthError, match="another login"):
        login(**given, browser=False, paste=True, show=id, ask=lambda _: "?code=c&state=s")


def test_a_host_that_forges_the_identity(given, opened, sandbox, monkeypatch):
    real = sandbox._identity.sign
    monkeypatch.setattr(sandbox._identity, "sign", lambda claims: real({**claims, "nonce": "x"}))
    with pytest.raises(AuthError, match="answers another login"):
        login(**given, scope=SCOPE)


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (Response(0, ending="reset"), NetworkError, "asking for the keys .* gave no answer"),
        (Response(503, b"busy"), AuthError, "key set holds no key that can be used"),
    ],
)
def test_an_identity_whose_keys_are_not_there(given, opened, sandbox, answer, error, said):
    sandbox._identity.pages["GET", "/oauth/2023-10/certs"] = lambda request: answer
    with pytest.raises(error, match=said):
        login(**given, scope=SCOPE)


def test_openid_without_an_identity(given, opened, sandbox, monkeypatch):
    answer = sandbox._identity.answer

    def without(token, **more):
        more.pop("id_token", None)
        return answer(token, **more)

    monkeypatch.setattr(sandbox._identity, "answer", without)
    with pytest.raises(AuthError, match="without an identity token"):
        login(**given, scope=SCOPE)


def test_a_login_without_a_refresh_token_is_not_kept(given, opened, box, sandbox, monkeypatch):
    answer = sandbox._identity.answer
    monkeypatch.setattr(sandbox._identity, "answer", lambda token, **more: answer(token))
    with pytest.raises(AuthError, match="Tick the grant type Refresh token"):
        login(**given, profile="nightly")
    assert read_profiles() == {} and not box.entries


# -- from a shell ----------------------------------------------------------------------------------


@pytest.fixture
def shell(monkeypatch, capfd, given):
    app = typer.Typer(cls=Commands)
    app.command()(login_command)
    app.command("other")(lambda: None)
    for name, value in given.items():
        if name != "client_secret":
            monkeypatch.setenv(f"TALKDESK_{name.upper()}", value)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["td-notebooks", "login", *arguments])
        with pytest.raises(SystemExit) as leaving:
            app()
        return (leaving.value.code, *capfd.readouterr())

    return call


def test_from_a_shell(shell, opened, box, given, monkeypatch):
    monkeypatch.setattr(getpass, "getpass", lambda prompt: given["client_secret"] + " ")
    code, out, err = shell("--ask")
    assert (code, out) == (0, "") and "as profile 'default'" in err
    assert given["client_secret"] not in err
    monkeypatch.delenv("TALKDESK_CLIENT_ID")
    with connect() as client:
        assert client.jobs("calls") == []
    code, _, err = shell("--client-only", "--profile", "cron", "--client-id", given["client_id"])
    assert code == 0 and "login" not in read_profiles()["cron"]
    assert threading.active_count() < 60


def test_a_downloaded_file_is_kept_where_there_is_no_keyring(shell, given, tmp_path):
    """On a server: the profile names the file, and holds no secret itself."""
    file = tmp_path / "client.json"
    fields = {"id": given["client_id"], "secret": given["client_secret"]}
    file.write_text(json.dumps(fields | {"account_name": given["account"]}))
    file.chmod(0o600)
    keep = ("--client-only", "--profile", "nightly", "--credentials-file", str(file))
    code, _, err = shell(*keep)
    assert code == 0 and "Kept for account 'sandbox' as profile 'nightly'" in err
    kept = read_profiles()["nightly"]
    assert kept["credentials_file"] == str(file) and "client_secret" not in kept
    with connect(profile="nightly") as client:
        assert client.jobs("calls") == []
    file.chmod(0o640)
    code, _, err = shell(*keep)
    assert code == 2 and f"chmod 600 {file}" in err


def test_from_a_shell_without_a_keyring(shell):
    code, _, err = shell()
    assert code == 2 and "has no keyring" in err
