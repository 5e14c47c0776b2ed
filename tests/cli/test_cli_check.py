"""``td-notebooks check`` names what works, what does not, and how to mend it."""

import json
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from td_notebooks.cli.check import STEPS
from td_notebooks.cli.reach import proxy_for
from td_notebooks.errors import ConfigError
from td_notebooks.profiles import write_profile
from td_notebooks.sandbox import SandboxClock
from td_notebooks.wire import skew


def marks(out):
    """Return what stands before the name of each step."""
    return {
        name: line[0]
        for line in out.splitlines()
        for name in STEPS
        if line[0] in "✓✗·" and line[2:].startswith(f"{name}: ")
    }


def use(monkeypatch, place, **change):
    for name, value in {**place.environment, **change}.items():
        monkeypatch.setenv(name, value)


def test_every_step_of_an_open_way(place, cli):
    code, out, err = cli("check")
    assert (code, err) == (0, "")
    assert marks(out) == dict.fromkeys(STEPS, "✓")
    assert "environment variable TALKDESK_CLIENT_SECRET" in out and "•••" in out
    assert "identity host: 127.0.0.1 connects at port" in out and "shows its public keys" in out
    assert f"asked {place.token_url} with client id and secret; got a token of" in out
    assert f"of account 'sandbox' for {place.api_url} that lives 599 s" in out
    assert "scopes: granted data-reports:read, data-reports:write" in out
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
    assert code == 2 and marks(out) == {"settings": "✗"} | dict.fromkeys(STEPS[1:], "·")
    assert "  → Set TALKDESK_ACCOUNT, TALKDESK_CLIENT_ID, TALKDESK_CLIENT_SECRET" in out


def test_a_wrong_secret_shows_the_steps_before_it(place, cli, monkeypatch):
    use(monkeypatch, place, TALKDESK_CLIENT_SECRET="not-the-secret")
    code, out, _ = cli("check")
    assert code == 3
    assert marks(out) == dict(zip(STEPS, "✓✓✓✗···", strict=True))
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
        ("", 0, "the answer does not say which were granted"),
        ("", 0, "asked for its public keys it answers 200, without any"),
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


@pytest.mark.parametrize("access", ["read", "write"])
def test_scopes_that_do_not_allow_reports(place, cli, monkeypatch, access):
    use(monkeypatch, place, TALKDESK_SCOPE=f"data-reports:{access}")
    code, out, _ = cli("check")
    assert code == 3 and marks(out) == dict(zip(STEPS, "✓✓✓✓✗··", strict=True))
    other = {"read": "write", "write": "read"}[access]
    assert f"granted data-reports:{access}: data-reports:{other} lacks" in out
    assert "leave scope (TALKDESK_SCOPE) out" in out


def test_a_path_that_is_not_talkdesks_own(place, cli, monkeypatch):
    """Which scopes it needs is not known, so the host decides."""
    use(monkeypatch, place, TALKDESK_REPORTS_PATH="/gateway/reports")
    code, out, _ = cli("check")
    assert code == 5 and marks(out) == dict(zip(STEPS, "✓✓✓✓✓✗·", strict=True))
    assert "Talkdesk answered 404" in out


def test_a_host_that_is_not_there(place, cli, monkeypatch):
    """The other host is looked for as well, to tell the network from the settings."""
    use(monkeypatch, place, TALKDESK_TOKEN_URL="http://127.0.0.1:9/oauth/token")
    code, out, _ = cli("check")
    assert code == 75 and marks(out) == dict(zip(STEPS, "✓✗✓····", strict=True))
    assert "port 9 of the identity host 127.0.0.1 at 127.0.0.1 failed: Connection ref" in out
    assert "→ Is this machine online" in out


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (socket.EAI_NONAME, 2, "no host of the name acme.talkdeskid.eu.*→ Check account and reg"),
        (socket.EAI_AGAIN, 75, "identity host acme.talkdeskid.eu cannot be looked up now"),
    ],
)
def test_a_name_that_is_not_known(cli, monkeypatch, number, code, said):
    def unknown(*arguments, **more):
        raise socket.gaierror(number, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setenv("TALKDESK_CLIENT_ID", "c")
    monkeypatch.setenv("TALKDESK_CLIENT_SECRET", "s")
    found, out, _ = cli("check", "--account", "acme", "--region", "eu")
    assert found == code and re.search(said, out, re.DOTALL)
    assert marks(out) == dict(zip(STEPS, "✓✗✗····", strict=True))


def test_the_way_through_a_proxy(place, cli, monkeypatch):
    """Its password is nobody's business; a proxy that is not there is named."""
    monkeypatch.setenv("HTTPS_PROXY", "http://ana:hunter2@127.0.0.1:9")
    monkeypatch.setenv("TALKDESK_API_URL", "https://api.talkdeskapp.eu")
    code, out, _ = cli("check")
    assert code == 75 and "hunter2" not in out
    assert marks(out) == dict(zip(STEPS, "✓✓✗✓✓··", strict=True))
    assert "(and not for https://api.talkdeskapp.eu: see TALKDESK_API_URL" in out
    assert "port 9 of the proxy 127.0.0.1 (which leads to the API host api.talk" in out
    monkeypatch.setenv("NO_PROXY", "api.talkdeskapp.eu")
    assert proxy_for("https://api.talkdeskapp.eu/x") is None
    monkeypatch.delenv("NO_PROXY")
    assert proxy_for("https://api.talkdeskapp.eu/x") == ("127.0.0.1", 9)
    for text, found in [("proxy.example:3128", 3128), ("socks5://p", 1080), ("http://p", 80)]:
        monkeypatch.setenv("HTTPS_PROXY", text)
        assert proxy_for("https://api.talkdeskapp.eu/x")[1] == found
    monkeypatch.setenv("HTTPS_PROXY", "http://")
    with pytest.raises(ConfigError, match="is no address"):
        proxy_for("https://api.talkdeskapp.eu/x")


def test_a_signed_assertion_and_a_kept_login_are_named(place, cli, monkeypatch, tmp_path):
    key = tmp_path / "key.pem"
    key.write_text(place.private_key)
    key.chmod(0o600)
    monkeypatch.delenv("TALKDESK_CLIENT_SECRET")
    monkeypatch.setenv("TALKDESK_PRIVATE_KEY_FILE", str(key))
    monkeypatch.setenv("TALKDESK_KEY_ID", place.key_id)
    code, out, _ = cli("check")
    assert code == 0 and f"an assertion signed with key {place.key_id} (ES256)" in out
    key.unlink()
    use(monkeypatch, place, TALKDESK_TOKEN_TYPE="opaque")
    monkeypatch.delenv("TALKDESK_PRIVATE_KEY_FILE")
    code, out, _ = cli("check")
    assert code == 0 and "client id and secret for a long-lived token" in out


def test_with_a_profile(place, cli, monkeypatch):
    known = {name.lower().removeprefix("talkdesk_"): v for name, v in place.environment.items()}
    write_profile("nightly", {k: v for k, v in known.items() if k != "client_secret"})
    for name in place.environment:
        if name != "TALKDESK_CLIENT_SECRET":
            monkeypatch.delenv(name)
    code, out, _ = cli("check", "--profile", "nightly")
    assert code == 0 and "(profile 'nightly' client_id)" in out
    code, out, _ = cli("check", "--profile", "weekly")
    assert code == 2 and "no profile 'weekly'" in out


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
