"""``td-notebooks check`` names what works, what does not, and how to mend it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from shell import settings_of

from td_notebooks.cli.check import skew
from td_notebooks.sandbox import SandboxClock

STEPS = ["settings", "hosts", "token", "listing", "clock"]


def marks(out):
    """Return what stands before the name of each step."""
    return {
        name: line[0]
        for line in out.splitlines()
        for name in STEPS
        if line[0] in "✓✗·" and line[2:].startswith(f"{name}: ")
    }


def use(monkeypatch, place, **change):
    for name, value in {**settings_of(place), **change}.items():
        monkeypatch.setenv(name, value)


def test_every_step_of_an_open_way(place, cli):
    code, out, err = cli("check")
    assert (code, err) == (0, "")
    assert marks(out) == dict.fromkeys(STEPS, "✓")
    assert "environment variable TALKDESK_CLIENT_SECRET" in out and "•••" in out
    assert place.token_url in out and place.api_url in out
    assert "scopes: data-reports:read, data-reports:write" in out
    assert "0 calls jobs on record" in out and "agrees with the host" in out
    assert not [secret for secret in place.secrets if secret in out]


def test_with_a_sandbox_of_its_own(cli):
    code, out, _ = cli("check", "--sandbox")
    assert code == 0 and set(marks(out)) == set(STEPS)


def test_with_the_older_api(place, cli, monkeypatch):
    use(monkeypatch, place, TALKDESK_REPORTS_PATH="/reports")
    code, out, _ = cli("check")
    assert code == 0 and "reports:read, reports:write" in out


def test_settings_that_are_missing(cli):
    code, out, _ = cli("check")
    assert code == 2 and marks(out) == {"settings": "✗"}
    assert "  → Set TALKDESK_ACCOUNT, TALKDESK_CLIENT_ID, TALKDESK_CLIENT_SECRET" in out


def test_a_wrong_secret_shows_the_steps_before_it(place, cli, monkeypatch):
    use(monkeypatch, place, TALKDESK_CLIENT_SECRET="not-the-secret")
    code, out, _ = cli("check")
    assert code == 3
    assert marks(out) == dict(zip(STEPS, "✓✓✗··", strict=True))
    assert "  → Check client id" in out and "not-the-secret" not in out


def test_a_scope_the_client_was_not_given(place, cli, monkeypatch):
    reader = place.add_client(scopes=["data-reports:read"])
    use(
        monkeypatch,
        place,
        TALKDESK_CLIENT_ID=reader.client_id,
        TALKDESK_CLIENT_SECRET=reader.client_secret,
    )
    code, out, _ = cli("check")
    assert code == 3 and marks(out)["token"] == "✗"
    assert "  → The client was not given the scope asked for" in out


class GrantsLess(BaseHTTPRequestHandler):
    """A host that hands out a token with less than was asked for, and tells no time."""

    def do_POST(self):
        self.answer({"access_token": "t", "expires_in": 599, "scope": self.server.scope})

    def do_GET(self):
        self.answer({"total": 0, "count": 0, "_embedded": {"jobs": []}})

    def answer(self, fields):
        self.send_response_only(200)
        self.end_headers()
        self.wfile.write(json.dumps(fields).encode())

    def log_message(self, *arguments):
        pass


@pytest.mark.parametrize(
    ("scope", "code", "said"),
    [
        ("data-reports:read", 3, "it lacks data-reports:write"),
        ("", 0, "the host does not tell the time"),
    ],
)
def test_another_host(cli, monkeypatch, place, scope, code, said):
    with ThreadingHTTPServer(("127.0.0.1", 0), GrantsLess) as server:
        server.scope = scope
        threading.Thread(target=server.serve_forever).start()
        url = f"http://127.0.0.1:{server.server_port}"
        use(monkeypatch, place, TALKDESK_API_URL=url, TALKDESK_TOKEN_URL=f"{url}/oauth/token")
        found, out, _ = cli("check")
        server.shutdown()
    assert found == code and said in out


def test_a_scope_that_does_not_allow_listing(place, cli, monkeypatch):
    use(monkeypatch, place, TALKDESK_SCOPE="data-reports:write")
    code, out, _ = cli("check")
    assert code == 3 and marks(out) == dict(zip(STEPS, "✓✓✓✗·", strict=True))
    assert "it needs data-reports:read" in out


def test_a_host_that_is_not_there(place, cli, monkeypatch):
    use(monkeypatch, place, TALKDESK_TOKEN_URL="http://127.0.0.1:9/oauth/token")
    monkeypatch.setattr("td_notebooks.transport.ATTEMPTS", 1)
    code, out, _ = cli("check")
    assert code == 75 and marks(out)["token"] == "✗"
    assert "127.0.0.1 gave no answer" in out and "→ Check the network" in out


@pytest.mark.parametrize(
    ("ahead", "said"),
    [(300, "300 s behind: set it right"), (-300, "300 s ahead: set it right"), (-20, "20 s ahead")],
)
def test_a_clock_that_is_off(start_sandbox, cli, monkeypatch, ahead, said):
    clock = SandboxClock()
    clock.advance(max(ahead, 0))
    if ahead < 0:
        clock = SandboxClock(start=clock.time() + ahead)
    use(monkeypatch, start_sandbox(clock=clock))
    code, out, _ = cli("check")
    found = out[out.index("clock: ") :]
    assert code == 0
    close = {said.replace(f"{abs(ahead)} s", f"{abs(ahead) + d} s") for d in (-1, 0, 1)}
    assert any(text in found for text in close), found


def test_a_host_without_a_clock():
    assert skew(None, 0.0) is None and skew("yesterday", 0.0) is None
    assert skew("Thu, 01 Jan 1970 00:00:10 GMT", 12.5) == 2.5
