"""No secret shows up on any way in: keyring, profiles, logins, events, kernels, processes."""

from __future__ import annotations

import json
import logging
import os
import pprint
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote_plus

import nbformat
import pytest
from kernels import own_sockets
from nbclient import NotebookClient
from test_leaks import clean, every_view
from visitors import PROOFS, account_of, secret_of, transport_of, visit

import td_notebooks as td
from td_notebooks import front_door
from td_notebooks.appconnect import InstallationStore, SignatureKeys, verify
from td_notebooks.auth import LongLivedToken
from td_notebooks.auth.browser import LoginRequest
from td_notebooks.auth.users import Memory, UserLogin
from td_notebooks.client import Talkdesk
from td_notebooks.connections import fetch
from td_notebooks.errors import TalkdeskError
from td_notebooks.profiles import keyring_problem, write_keyring, write_profile
from td_notebooks.sandbox.identity import SCOPES
from td_notebooks.sandbox.server import json_response
from td_notebooks.secret import Secret
from td_notebooks.settings import Settings

ECHOED = PROOFS | {
    "opaque": lambda client: LongLivedToken(client.client_id, Secret(client.client_secret))
}
HIDDEN = "hunter2-hunter2-hunter2"


@pytest.fixture
def sandbox(start_sandbox):
    return start_sandbox()


@pytest.fixture
def credentials_file(sandbox, tmp_path):
    path = tmp_path / "client.json"
    fields = {"client_id": sandbox.client_id, "client_secret": sandbox.client_secret}
    path.write_text(json.dumps(fields | {"account_name": sandbox.account}))
    path.chmod(0o600)
    return path


def shown_by(act, *, callers=1):
    with pytest.raises(TalkdeskError) as caught:
        act()
    return list(every_view(caught.value, callers=callers))


def wrong_file(tmp_path, content):
    path = tmp_path / "client.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    path.chmod(0o600)
    return str(path)


@pytest.mark.parametrize(
    "content",
    [
        HIDDEN,
        {"client_secret": HIDDEN},
        {"id": "c", "private_key": HIDDEN},
        {"id": "c", "private_key": HIDDEN, "kid": "k"},
        [{"client_secret": HIDDEN}, {"client_secret": HIDDEN}],
    ],
)
def test_a_wrong_credentials_file(tmp_path, content):
    file = wrong_file(tmp_path, content)
    for view in shown_by(lambda: td.connect(account="acme", credentials_file=file), callers=2):
        clean(view, {HIDDEN})


@pytest.mark.parametrize("text", [f'[a]\nclient_secret = "{HIDDEN}"\n', f'[a]\nx = "{HIDDEN}'])
def test_a_wrong_profile(text):
    path = write_profile("a", {})
    path.write_text(text)
    for name in ("a", "other"):
        for view in shown_by(lambda name=name: td.connect(profile=name), callers=2):
            clean(view, {HIDDEN})
    path.write_bytes(b"\xff" + HIDDEN.encode())
    for view in shown_by(lambda: td.connect(profile="a"), callers=2):
        clean(view, {HIDDEN})


def test_with_a_keyring_and_without(box, sandbox, monkeypatch):
    assert keyring_problem() is None
    write_keyring(sandbox.client_id, "client_secret", Secret(HIDDEN))
    write_profile(
        "default",
        {
            "account": "acme",
            "client_id": sandbox.client_id,
            "api_url": sandbox.api_url,
            "token_url": sandbox.token_url,
        },
    )
    with td.connect() as client:
        views = [repr(client.settings), repr(vars(client)), pprint.pformat(vars(client.transport))]
        views += shown_by(client.renew_token)
        views += [repr(os.environ), repr(vars(client.transport.auth))]
    for view in views:
        clean(view, {HIDDEN})
    box.entries.clear()
    for view in shown_by(td.connect):
        clean(view, {HIDDEN})


@pytest.mark.parametrize("prove", PROOFS.values(), ids=PROOFS)
def test_a_login_at_its_most_talkative(sandbox, redirect_uri, caplog, prove):
    caplog.set_level(logging.DEBUG)
    client = sandbox.add_client(scopes=[*SCOPES, "openid"], redirect_uris=[redirect_uri])
    login = LoginRequest.begin(
        account_of(sandbox), client.client_id, scope="openid", redirect_uri=redirect_uri
    )
    code = login.code(visit(login.url))
    user = UserLogin(prove(client), Memory(), code)
    transport = transport_of(sandbox, user)
    token = transport.renew_token()
    transport.renew_token()
    views = [repr(login), repr(code), repr(user), repr(vars(user)), repr(token)]
    views += [repr(user.grant("")), repr(vars(transport.auth)), caplog.text]
    views += shown_by(transport_of(sandbox, UserLogin(prove(client), Memory(), code)).renew_token)
    old = UserLogin(prove(client), Memory(token.refresh_token))
    views += shown_by(transport_of(sandbox, old).renew_token)
    secrets = {*sandbox.secrets, login.state.reveal(), login.nonce.reveal()}
    for view in views:
        clean(view, secrets)


def test_a_login_that_goes_wrong(sandbox, redirect_uri):
    client = sandbox.add_client(redirect_uris=[redirect_uri])
    given = {
        "account": sandbox.account,
        "client_id": client.client_id,
        "client_secret": Secret(client.client_secret),
        "api_url": sandbox.api_url,
        "token_url": sandbox.token_url,
        "redirect_uri": redirect_uri,
        "browser": False,
        "paste": True,
        "show": lambda text: None,
    }
    pasted = "?code=a-code-that-was-pasted&state=of-another"
    for view in shown_by(lambda: front_door.login(**given, ask=lambda _: pasted), callers=2):
        clean(view, {*sandbox.secrets, "a-code-that-was-pasted"})


def test_events(sandbox, tmp_path):
    keys = SignatureKeys(fetch, [sandbox.api_url], clock=sandbox.clock.time)
    event = sandbox.events.install(sandbox.add_client())

    def received(**change):
        body = json.dumps(event | change).encode()
        return verify(sandbox.events.headers(body), body, keys)

    found = received()
    views = [repr(found), str(found), repr(found.installation), pprint.pformat(found)]
    body = json.dumps(event).encode()
    headers = sandbox.events.headers(body)
    views += shown_by(
        lambda: verify(headers | {"X-Hub-Ecdsa-Signature": "00"}, body, keys), callers=2
    )
    later = json.dumps(event | {"_links": {}}).encode()
    signed = sandbox.events.headers(later)
    views += shown_by(lambda: verify(signed, later, keys), callers=2)
    store = InstallationStore(tmp_path / "installations")
    path = store.save(found.installation)
    path.write_text(path.read_text().replace('"installation_id"', '"x"'))
    views += shown_by(lambda: list(store))
    for view in views:
        clean(view, sandbox.secrets)


def test_pytest_shows_all_it_can(credentials_file, sandbox, tmp_path):
    """Long tracebacks with the local variables of every frame."""
    other = sandbox.add_client()
    test = tmp_path / "test_it.py"
    test.write_text(
        f"""
import td_notebooks as td

HOSTS = {{"api_url": {sandbox.api_url!r}, "token_url": {sandbox.token_url!r}}}

def test_refused():
    client = td.connect(credentials_file={str(credentials_file)!r}, scope="moon:read", **HOSTS)
    client.jobs("calls")

def test_refused_from_the_environment():
    td.connect(**HOSTS).jobs("calls")

def test_missing():
    td.connect(client_id="c", key_id="k", region="moon")
"""
    )
    env = os.environ | {
        "TALKDESK_CLIENT_ID": sandbox.client_id,
        "TALKDESK_CLIENT_SECRET": other.client_secret,
        "TALKDESK_ACCOUNT": "acme",
    }
    command = [sys.executable, "-m", "pytest", "-vv", "--tb=long", "--showlocals", str(test)]
    command += ["-o", "log_level=DEBUG", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    run = subprocess.run(
        command, capture_output=True, text=True, env=env, cwd=tmp_path, timeout=120
    )
    assert "3 failed" in run.stdout
    clean(run.stdout + run.stderr, sandbox.secrets)


def test_a_process_shows_no_secret_to_its_neighbours(credentials_file, sandbox, tmp_path):
    code = (
        "import td_notebooks as td, sys\n"
        f"client = td.connect(credentials_file={str(credentials_file)!r}, "
        f"api_url={sandbox.api_url!r}, token_url={sandbox.token_url!r})\n"
        "client.renew_token()\nprint(repr(client.__dict__), flush=True)\nsys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    shown = process.stdout.readline()
    listed = subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", str(process.pid)], capture_output=True, text=True
    )
    environment = Path(f"/proc/{process.pid}/environ")
    views = [shown, listed.stdout]
    views += [environment.read_text()] if environment.exists() else []
    process.communicate()
    assert "td_notebooks" in listed.stdout and "settings" in shown
    for view in views:
        clean(view, sandbox.secrets)


def test_a_kernel_remembers_no_secret(credentials_file, sandbox, monkeypatch, own_jupyter):
    monkeypatch.setenv("TALKDESK_CREDENTIALS_FILE", str(credentials_file))
    monkeypatch.setenv("TALKDESK_API_URL", sandbox.api_url)
    monkeypatch.setenv("TALKDESK_TOKEN_URL", sandbox.token_url)
    cells = [
        "import td_notebooks as td, pprint, os\nclient = td.connect()\nclient",
        "client.settings",
        "client.renew_token()",
        "pprint.pprint(vars(client))\npprint.pprint(dict(os.environ))",
        "%whos\n%history",
        "%xmode Verbose\nclient.job('calls', 'no-such-job')",
        "_, __, Out, In",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(
        notebook, timeout=120, allow_errors=True, kernel_name="python3", config=own_sockets()
    ).execute()
    written = nbformat.writes(notebook)
    assert "AccessToken(" in written and "NotFoundError" in written
    clean(written, sandbox.secrets)
    for path in Path(own_jupyter["IPYTHONDIR"]).rglob("*"):
        if path.is_file():
            clean(path.read_bytes().decode("latin-1"), sandbox.secrets)


def test_a_long_lived_token_at_its_most_talkative(sandbox, caplog):
    caplog.set_level(logging.DEBUG)
    hosts = {"api_url": sandbox.api_url, "token_url": sandbox.token_url}
    secret = Secret(sandbox.client_secret)
    with td.connect(
        account="acme",
        client_id=sandbox.client_id,
        client_secret=secret,
        token_type="opaque",
        scope="data-reports:read",
        **hosts,
    ) as client:
        client.transport.clock = sandbox.clock
        client.jobs("calls")
        views = [repr(vars(client.transport.auth)), repr(client.settings), repr(client.__dict__)]
        views += shown_by(lambda: client.submit("calls", "2026-08-01", "2026-08-02"))
        views += shown_by(lambda: client.job("calls", "no-such-job"))
        sandbox.revoke_tokens()
        sandbox.revoke_client(sandbox.client_id)
        views += shown_by(lambda: client.jobs("calls"))
    assert any(token.startswith("tdst_") for token in sandbox.tokens)
    for view in [*views, caplog.text]:
        clean(view, sandbox.secrets)


@pytest.mark.parametrize("field", ["error", "error_description", "message", "description"])
@pytest.mark.parametrize("proof", ECHOED)
def test_a_host_that_repeats_what_it_gets(sandbox, caplog, field, proof):
    """Both hosts put all they were sent into the texts that errors quote."""
    caplog.set_level(logging.DEBUG)

    def repeating(request):
        asked = f"{request.headers.get('Authorization')} {request.body.decode()}"
        words = unquote_plus(asked).replace("&", " ")
        sent.append(words.replace("=", " "))
        return json_response(401, {field: f"What is {words}?"})

    sent = []
    client = Talkdesk(
        Settings(account_of(sandbox), ECHOED[proof](sandbox.client), scope=""), clock=sandbox.clock
    )
    with client:
        client.renew_token()
        sandbox._reception.applications["api"] = Repeats(repeating)
        views = shown_by(lambda: client.jobs("calls"))
        sandbox._reception.applications["identity"] = Repeats(repeating)
        views += shown_by(client.renew_token)
    secrets = {word for words in sent for word in words.split() if len(word) > 60}
    assert len(sent) >= 2 and len(secrets) >= 2
    for view in [*views, caplog.text]:
        clean(view, secrets | set(sandbox.secrets))


class Repeats:
    def __init__(self, answer):
        self.answer = answer

    def operation(self, method, path):
        return "echo"

    def __call__(self, request):
        return self.answer(request)


def test_the_password_of_a_proxy(sandbox, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("td_notebooks.transport.ATTEMPTS", 1)
    monkeypatch.setenv("HTTPS_PROXY", f"http://ana:{HIDDEN}@127.0.0.1:9")
    with td.connect(account="acme", client_id="c", client_secret="s") as client:
        views = [repr(client.__dict__), repr(vars(client.transport))]
        views += shown_by(client.renew_token) + shown_by(lambda: client.jobs("calls"))
    for view in [*views, caplog.text]:
        clean(view, {HIDDEN})


def test_connecting_prints_nothing(credentials_file, box, capfd, recwarn):
    write_profile("default", {"account": "acme", "client_id": "c"})
    write_keyring("c", "client_secret", Secret(HIDDEN))
    td.connect().close()
    td.connect(credentials_file=str(credentials_file)).close()
    td.connect(sandbox=True).close()
    assert capfd.readouterr() == ("", "") and not recwarn.list


def test_secrets_do_not_move_into_the_environment(credentials_file, sandbox):
    with td.connect(
        credentials_file=str(credentials_file), api_url=sandbox.api_url, token_url=sandbox.token_url
    ) as client:
        client.renew_token()
    clean(repr(dict(os.environ)), sandbox.secrets)
    assert secret_of(sandbox.client) == client.settings.credentials
