"""Events that can be believed and events that cannot; installations and their rotation."""

import base64
import json
import socket
import stat
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from visitors import token_requests

import td_notebooks as td
from td_notebooks import appconnect
from td_notebooks.appconnect import InstallationStore, Receiver, SeenEvents, SignatureKeys, verify
from td_notebooks.appconnect.signatures import KNOWN_HOSTS, SignatureKey, load_public_key
from td_notebooks.auth import ClientAssertion, ClientSecret
from td_notebooks.connections import fetch
from td_notebooks.errors import ConfigError, EventError, TokenError
from td_notebooks.sandbox.identity import SCOPES
from td_notebooks.secret import Secret


@pytest.fixture
def sandbox(start_sandbox):
    return start_sandbox()


@pytest.fixture
def keys(sandbox):
    return SignatureKeys(fetch, [sandbox.api_url], clock=sandbox.clock.time)


def client_of(sandbox):
    return sandbox.add_client(scopes=[*SCOPES, "apps:write"])


def written(sandbox, kind="app.updated", **data):
    data = {"installation_id": "i1", "account_id": "a1", "account_name": "acme"} | data
    return json.dumps(sandbox.events.event(kind, data)).encode()


def key_requests(sandbox):
    return sum(request.operation == "signature-key" for request in sandbox.requests)


@pytest.mark.parametrize("curve", ["SECP256R1", "SECP384R1", "SECP521R1", "SECP256K1"])
@pytest.mark.parametrize("raw", [False, True])
def test_what_talkdesk_signed_is_believed(sandbox, keys, curve, raw):
    sandbox.events.add_key(curve)
    for _ in range(5):
        body = written(sandbox)
        assert verify(sandbox.events.headers(body, raw=raw), body, keys).account_name == "acme"
    assert key_requests(sandbox) == 1


@pytest.mark.parametrize("raw", [False, True])
def test_each_bit_counts(sandbox, keys, raw):
    """Every bit of the signature and of the key id, and of a body."""
    body = written(sandbox)
    headers = sandbox.events.headers(body, raw=raw)
    signature = bytes.fromhex(headers["X-Hub-Ecdsa-Signature"])
    verify(headers, body, keys)
    for bit in range(len(body) * 8):
        with pytest.raises(EventError, match="does not fit"):
            verify(headers, flipped(body, bit), keys)
    for bit in range(len(signature) * 8):
        changed = {"X-Hub-Ecdsa-Signature": flipped(signature, bit).hex()}
        with pytest.raises(EventError, match="does not fit"):
            verify(headers | changed, body, keys)
    key_id = headers["X-Hub-Ecdsa-Signature-Id"].encode()
    for bit in range(len(key_id) * 8):
        changed = {"X-Hub-Ecdsa-Signature-Id": flipped(key_id, bit).decode("latin-1")}
        with pytest.raises(EventError, match=r"no key id|has the key"):
            verify(headers | changed, body, keys)


def flipped(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_headers_in_any_case_and_headers_that_lack(sandbox, keys):
    body = written(sandbox)
    headers = sandbox.events.headers(body)
    upper = {
        name.upper(): value.upper() if "Id" not in name else value
        for name, value in headers.items()
    }
    assert verify(upper, body, keys)
    for name in headers:
        if name.startswith("X-"):
            with pytest.raises(EventError, match="not signed"):
                verify({**headers, name: ""}, body, keys)
    for text in ("abc", "zz", "é0", "00" * 257, " 00"):
        with pytest.raises(EventError, match="hexadecimal"):
            verify({**headers, "X-Hub-Ecdsa-Signature": text}, body, keys)


def test_unknown_and_foreign_and_expired_keys(sandbox, keys):
    body = written(sandbox)
    good = sandbox.events.headers(body)
    for key_id in ("latest", "0" * 32):
        with pytest.raises(EventError, match=f"has the key {key_id}") as caught:
            verify({**good, "X-Hub-Ecdsa-Signature-Id": key_id}, body, keys)
        assert not caught.value.retryable
    for key_id in ("../latest", "a/b", "a?b", "x" * 129):
        with pytest.raises(EventError, match="no key id"):
            verify({**good, "X-Hub-Ecdsa-Signature-Id": key_id}, body, keys)
    old = sandbox.events.add_key(expires_at=sandbox.clock.time() + 60)
    headers = sandbox.events.headers(body, key=old)
    sandbox.clock.advance(900)
    assert verify(headers, body, keys)
    sandbox.clock.advance(61)
    with pytest.raises(EventError, match="has expired"):
        verify(headers, body, keys)
    # Signed with one key, named another: also on another curve.
    for curve in ("SECP256R1", "SECP384R1"):
        other = sandbox.events.add_key(curve)
        named = {**good, "X-Hub-Ecdsa-Signature-Id": other.key_id}
        with pytest.raises(EventError, match="does not fit"):
            verify(named, body, keys)


def test_no_foreign_host_is_asked(sandbox, start_sandbox):
    """A forged event that points to a host of its own, where its key is."""
    forger = start_sandbox()
    body = written(forger)
    asked = []

    def watched(url):
        asked.append(url)
        return fetch(url)

    keys = SignatureKeys(watched, [sandbox.api_url], clock=sandbox.clock.time)
    with pytest.raises(EventError, match="No known API host has the key"):
        verify(forger.events.headers(body), body, keys)
    assert asked and all(url.startswith(sandbox.api_url) for url in asked)
    assert not forger.requests
    # Well signed, but its root is elsewhere.
    pointing = json.loads(body)
    body = json.dumps(pointing).encode()
    with pytest.raises(EventError, match="root link"):
        verify(sandbox.events.headers(body), body, keys)
    assert not forger.requests


def test_hosts_that_do_not_answer_are_tried_again_later(sandbox):
    body = written(sandbox)
    answers = [(503, b""), OSError("down")]

    def silent(url):
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    with pytest.raises(EventError, match="no answer from https://a, https://b") as caught:
        verify(
            sandbox.events.headers(body), body, SignatureKeys(silent, ["https://a", "https://b"])
        )
    assert caught.value.retryable


def test_fetch_asks_without_following(sandbox, start_sandbox):
    assert fetch(f"{sandbox.api_url}/events/signature-keys/0")[0] == 404
    with pytest.raises(OSError, match="gave no answer: ConnectError"):
        fetch("http://127.0.0.1:9/x")


def test_ten_megabytes(sandbox, keys):
    body = written(sandbox, more="x" * 10_000_000)
    headers = sandbox.events.headers(body)
    assert verify(headers, body, keys)
    with pytest.raises(EventError, match="does not fit"):
        verify(headers, body + b" ", keys)
    assert Receiver(keys).receive(headers, body)[0] == 413


def test_a_delivery_again(sandbox, keys):
    body, seen = written(sandbox), SeenEvents(limit=2)
    headers = sandbox.events.headers(body)
    event = verify(headers, body, keys, seen=seen)
    with pytest.raises(EventError, match=f"{event.id} was received before"):
        verify(headers, body, keys, seen=seen)
    for other in ("b", "c"):
        seen.add(other)
    assert event.id not in seen and "c" in seen


def test_every_spelling_of_a_public_key():
    for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()):
        key = ec.generate_private_key(curve).public_key()
        spki = PublicFormat.SubjectPublicKeyInfo
        pem = key.public_bytes(Encoding.PEM, spki)
        forms = [
            pem,
            base64.b64encode(pem),
            base64.b64encode(key.public_bytes(Encoding.DER, spki)),
            base64.b64encode(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)),
        ]
        forms += [
            base64.urlsafe_b64encode(base64.b64decode(form)).rstrip(b"=") for form in forms[1:]
        ]
        forms += [base64.encodebytes(base64.b64decode(forms[2]))]
        for form in forms:
            assert load_public_key(form.decode()).public_numbers() == key.public_numbers()
    brainpool = ec.generate_private_key(ec.BrainpoolP256R1()).public_key()
    odd = brainpool.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    for form in ("", "x", "AAAA", odd, base64.b64encode(b"\x04" * 65).decode()):
        with pytest.raises(EventError, match="not one that can be used"):
            load_public_key(form)
    with pytest.raises(EventError, match="holds no key"):
        SignatureKey.parse(b"{}")
    with pytest.raises(EventError, match="no JSON object"):
        SignatureKey.parse(b"<html>")


TRIAL = {"expires_at": "2026-02-01T00:00:00Z"}
ENDED = {"ended_at": "2026-01-31T00:00:00.000+00:00", "ended_reason": "plan_upgraded"}
EVENTS = {
    "app.updated": (
        appconnect.AppUpdated,
        {
            "users": {"adding": ["u1"], "removing": []},
            "subscription": {"adding": {"name": "pro", "licenses": 5}},
        },
        {"users_added": ("u1",), "subscription": "pro", "licenses": "5"},
    ),
    "app.uninstalled": (
        appconnect.AppUninstalled,
        {"reason": {"type": "other", "message": "bye"}},
        {"reason": "other", "message": "bye"},
    ),
    "app.trial_started": (appconnect.AppTrialStarted, TRIAL, {}),
    "app.trial_extended": (appconnect.AppTrialExtended, TRIAL, {}),
    "app.trial_ended": (
        appconnect.AppTrialEnded,
        TRIAL | ENDED | {"ended_by": "user"},
        {"ended_reason": "plan_upgraded", "ended_by": "user"},
    ),
    "user.logout": (
        appconnect.UserLogout,
        {"user_id": "u1", "user_email": "ana@sandbox.invalid"},
        {"user_id": "u1"},
    ),
    "app.celebrated": (appconnect.Event, {}, {"type": "app.celebrated"}),
}


@pytest.mark.parametrize("kind", EVENTS)
def test_the_events(sandbox, keys, kind):
    expected, data, fields = EVENTS[kind]
    body = written(sandbox, kind, **data)
    event = verify(sandbox.events.headers(body), body, keys)
    assert type(event) is expected
    assert {name: getattr(event, name) for name in fields} == fields
    assert event.created_at.tzinfo and event.installation_id == "i1"
    if "expires_at" in data:
        assert event.expires_at.isoformat() == "2026-02-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("app.installed", {"data": {}}, "installation_id is missing"),
        ("app.installed", {"client_id": None}, "client_id is missing"),
        ("app.installed", {"private_key": "x"}, "credentials cannot be used"),
        ("app.installed", {"key_id": None, "client_secret": None}, "client_secret is missing"),
        ("app.installed", {"account_name": "a b"}, "account cannot be used"),
        ("app.trial_started", {"expires_at": "soon"}, "'soon'"),
        ("app.trial_started", {"expires_at": "2026-01-01"}, "'2026-01-01'"),
    ],
)
def test_a_signed_event_that_makes_no_sense(sandbox, keys, kind, change, said):
    event = sandbox.events.install(client_of(sandbox))
    event["type"] = kind
    if "data" in change:
        event["data"] = {}
    else:
        event["data"] |= change
    body = json.dumps(event).encode()
    with pytest.raises(EventError, match=said):
        verify(sandbox.events.headers(body), body, keys)
    with pytest.raises(EventError, match="no JSON object"):
        verify(sandbox.events.headers(b"[]"), b"[]", keys)


def installed(sandbox, keys, client=None):
    body = json.dumps(sandbox.events.install(client or client_of(sandbox))).encode()
    return verify(sandbox.events.headers(body), body, keys).installation


def test_an_installation_connects(sandbox, keys):
    installation = installed(sandbox, keys)
    assert installation.account.api_url == sandbox.api_url
    with td.connect(installation) as client:
        client._transport.auth._clock = sandbox.clock
        assert client.jobs("calls") == []
        assert f"(installation {installation.installation_id})" in repr(client.settings)
    with td.connect(installation, reports_path="reports/") as client:
        assert client.settings.older_api and client.settings.scope == "reports:read reports:write"
    with pytest.raises(ConfigError, match=r"ca = 'corp\.pem', does not exist"):
        td.connect(installation, ca="corp.pem")


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("https://acme.talkdeskid.eu/oauth/token", "https://acme.talkdeskid.eu/oauth/token"),
        ("https://acme.evil.example/oauth/token", "https://acme.talkdeskid.eu/oauth/token"),
        ("http://acme.talkdeskid.eu/oauth/token", "https://acme.talkdeskid.eu/oauth/token"),
        ("", "https://acme.talkdeskid.eu/oauth/token"),
    ],
)
def test_the_region_comes_from_the_root_link(sandbox, token, expected):
    keys = SignatureKeys(
        lambda url: fetch(url.replace("https://api.talkdeskapp.com", sandbox.api_url)),
        KNOWN_HOSTS[:2],
    )
    event = sandbox.events.install(client_of(sandbox))
    event["data"]["account_name"] = "acme"
    event["_links"] = {
        "root": {"href": "https://api.talkdeskapp.eu"},
        "tokens": {"href": token},
    }
    body = json.dumps(event).encode()
    account = verify(sandbox.events.headers(body), body, keys).installation.account
    assert (account.region, account.token_url) == ("eu", expected)


@pytest.mark.parametrize("compromised", [False, True])
def test_a_rotation(sandbox, keys, tmp_path, compromised):
    """Both sets work; the new one is kept once it gave a token; then the old one may end."""
    store = InstallationStore(tmp_path / "installations")
    before = installed(sandbox, keys)
    store.save(before)
    new = client_of(sandbox)
    event = sandbox.events.rotate(before.installation_id, new, compromised=compromised)
    body = json.dumps(event).encode()
    store.receive(verify(sandbox.events.headers(body), body, keys))
    (installation,) = store
    assert installation.previous == before.credentials
    with td.connect(installation, scope="apps:write data-reports:read") as client:
        auth = client.transport.auth
        auth._clock = sandbox.clock
        assert client.jobs("calls") == []
        assert auth.credentials == installation.credentials
        path, said = installation.acknowledgement
        client.transport.call(
            "POST", path, doing="acknowledging", body=said, read=lambda answer: None
        )
    assert [request.status for request in token_requests(sandbox)] == [200]
    assert sandbox.events.installations[before.installation_id] == [new]
    store.save(installation.settled())
    assert store.load(before.installation_id).previous is None
    assert installation.rotated(verify(sandbox.events.headers(body), body, keys)) is installation


def test_a_new_set_that_does_not_work_yet(sandbox, keys):
    installation = installed(sandbox, keys)
    with td.connect(installation) as client:
        auth = client.transport.auth
        auth._clock = sandbox.clock
        auth.rotate(ClientSecret("not-yet", Secret("known")))
        assert client.jobs("calls") == []
        assert auth.credentials == installation.credentials
        with pytest.raises(TokenError, match="not-yet"):
            client.renew_token()
        sandbox.revoke_tokens()
        sandbox.revoke_client(installation.credentials.client_id)
        with pytest.raises(TokenError, match=installation.credentials.client_id):
            client.jobs("calls")
    assert [r.status for r in token_requests(sandbox)] == [401, 200, 401, 401, 401]


def test_a_busy_host_decides_nothing_about_a_rotation(start_sandbox):
    sandbox = start_sandbox(faults="token-500@1")
    keys = SignatureKeys(fetch, [sandbox.api_url], clock=sandbox.clock.time)
    installation = installed(sandbox, keys)
    new = client_of(sandbox)
    with td.connect(installation) as client:
        client.transport.clock = client.transport.auth._clock = sandbox.clock
        credentials = ClientSecret(new.client_id, Secret(new.client_secret))
        client.transport.auth.rotate(credentials)
        client.renew_token()
        assert client.transport.auth.credentials == credentials
    assert [request.status for request in token_requests(sandbox)] == [500, 200]


def test_a_rotation_of_another_installation(sandbox, keys):
    one, other = installed(sandbox, keys), installed(sandbox, keys)
    event = sandbox.events.rotate(other.installation_id, client_of(sandbox))
    body = json.dumps(event).encode()
    with pytest.raises(EventError, match="not for"):
        one.rotated(verify(sandbox.events.headers(body), body, keys))


def test_the_store_is_for_its_owner_only(sandbox, keys, tmp_path):
    store = InstallationStore(tmp_path / "installations")
    installation = installed(sandbox, keys)
    path = store.save(installation)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert store.load(installation.installation_id) == installation
    assert isinstance(installation.credentials, ClientAssertion)
    plain = ClientSecret("c", Secret("s3cret-s3cret"))
    from dataclasses import replace

    changed = replace(installation, credentials=plain, previous=installation.credentials)
    store.save(changed)
    assert list(store) == [changed]
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        list(store)
    path.chmod(0o600)
    path.write_text("{}")
    with pytest.raises(ConfigError, match="cannot be read: The field installation_id"):
        list(store)
    store.delete(installation.installation_id)
    store.delete(installation.installation_id)
    assert list(store) == []
    for name in ("../x", "", "a/b"):
        with pytest.raises(ConfigError, match="no id of an installation"):
            store.load(name)


def test_a_receiver_answers_so_that_talkdesk_does_the_right_thing(sandbox, keys, tmp_path):
    store = InstallationStore(tmp_path)
    receiver = Receiver(keys, store)

    def receive(event, **change):
        body = json.dumps(event).encode()
        return receiver.receive(sandbox.events.headers(body) | change, body)

    event = sandbox.events.install(client_of(sandbox))
    installation_id = event["data"]["installation_id"]
    assert receive(event)[0] == 200 and store.load(installation_id)
    status, again = receive(event)
    assert status == 200 and "received before" in str(again)
    assert receive(event, **{"X-Hub-Ecdsa-Signature": "00"})[0] == 403
    lost = sandbox.events.rotate(installation_id, client_of(sandbox))
    store.delete(installation_id)
    assert receive(lost)[0] == 500  # it is delivered again
    store.receive(verify_again(sandbox, keys, event))
    assert receive(lost)[0] == 200 and store.load(installation_id).previous
    gone = sandbox.events.event(
        "app.uninstalled", {"installation_id": installation_id, "account_id": "a"}
    )
    assert receive(gone)[0] == 200 and list(store) == []
    sandbox.close()
    fresh = Receiver(SignatureKeys(fetch, [sandbox.api_url]))
    body = json.dumps(event).encode()
    assert fresh.receive(sandbox.events.headers(body), body)[0] == 503


def verify_again(sandbox, keys, event):
    body = json.dumps(event).encode()
    return verify(sandbox.events.headers(body), body, keys)


def test_listening_from_a_shell(sandbox, tmp_path, capfd, monkeypatch):
    from td_notebooks.cli import appconnect as command

    servers = []
    real = command._Server

    def remembered(*arguments):
        servers.append(real(*arguments))
        return servers[-1]

    monkeypatch.setattr(command, "_Server", remembered)
    folder = tmp_path / "kept"
    thread = threading.Thread(
        target=command.listen, kwargs={"port": 0, "store": folder, "host": [sandbox.api_url]}
    )
    thread.start()
    while not servers:
        pass
    url = f"http://127.0.0.1:{servers[0].server_port}/"
    client = client_of(sandbox)
    event = sandbox.events.install(client)
    assert sandbox.events.deliver(url, event) == 200
    assert sandbox.events.deliver(url, event) == 200
    assert sandbox.events.deliver(url, event | {"more": "x" * (1 << 20)}) == 413
    sandbox.events.add_key()
    headers = sandbox.events.headers
    monkeypatch.setattr(sandbox.events, "headers", lambda body: headers(body + b"x"))
    assert sandbox.events.deliver(url, event) == 403
    with pytest.raises(ConfigError, match="cannot be listened at"):
        real(servers[0].server_port, None)
    servers[0].shutdown()
    thread.join()
    out, err = capfd.readouterr()
    assert out.count("\n") == 1 and "app.installed\tsandbox\t" in out
    assert "received before" in err and "403: The event's signature" in err
    assert not [secret for secret in sandbox.secrets if secret in out + err]
    (installation,) = InstallationStore(Path(folder))
    assert installation.credentials.client_id == client.client_id


def test_an_old_event_brings_back_no_old_credentials(sandbox, keys, tmp_path):
    """Replayed after a restart, when nobody remembers which events were seen."""
    store = InstallationStore(tmp_path / "kept")
    event = sandbox.events.install(client_of(sandbox))
    installation_id = event["data"]["installation_id"]
    history = [event]
    for _ in range(2):
        sandbox.clock.advance(3600)
        history.append(sandbox.events.rotate(installation_id, client_of(sandbox)))
    for event in history:
        store.receive(verify_again(sandbox, keys, event))
    latest = store.load(installation_id)
    assert latest.credentials.client_id == history[-1]["data"]["client_id"]
    assert latest.previous.client_id == history[-2]["data"]["client_id"]
    assert latest.changed_at.isoformat() == history[-1]["created_at"]
    for event in (*history, *reversed(history)):
        status, _ = Receiver(keys, store).receive(
            sandbox.events.headers(body := json.dumps(event).encode()), body
        )
        assert status == 200 and store.load(installation_id) == latest


def test_an_old_event_brings_back_no_installation_and_ends_none(sandbox, keys, tmp_path):
    store = InstallationStore(tmp_path / "kept")
    installed = sandbox.events.install(client_of(sandbox))
    installation_id = installed["data"]["installation_id"]
    sandbox.clock.advance(3600)
    rotated = sandbox.events.rotate(installation_id, client_of(sandbox))
    sandbox.clock.advance(3600)
    ended = sandbox.events.event("app.uninstalled", {"installation_id": installation_id})

    def replay(*events):
        for event in events:
            body = json.dumps(event).encode()
            assert Receiver(keys, store).receive(sandbox.events.headers(body), body)[0] == 200
        return list(store)

    assert len(replay(installed, rotated)) == 1
    assert replay(ended) == replay(installed, rotated) == []
    assert not [file for file in store.folder.iterdir() if "client" in file.read_text()]
    sandbox.clock.advance(3600)
    again = {**installed, "id": "again", "created_at": sandbox.events.event("x", {})["created_at"]}
    (kept,) = replay(again)
    assert replay(ended, installed, rotated) == [kept]


def test_a_host_that_answers_nonsense_does_not_hide_the_others(sandbox):
    def answers(url):
        return (200, b"<html>") if url.startswith("https://portal") else fetch(url)

    body = written(sandbox)
    keys = SignatureKeys(answers, ["https://portal", sandbox.api_url], clock=sandbox.clock.time)
    assert verify(sandbox.events.headers(body), body, keys)
    with pytest.raises(EventError, match="no answer from https://portal") as caught:
        verify(sandbox.events.headers(body), body, SignatureKeys(answers, ["https://portal"]))
    assert caught.value.retryable


def test_a_body_that_is_no_longer_what_was_signed(sandbox, keys):
    body = written(sandbox)
    with pytest.raises(TypeError, match="bytes as they were received"):
        verify(sandbox.events.headers(body), body.decode(), keys)


@pytest.mark.parametrize(
    ("length", "status"),
    [("9" * 5000, 413), ("-1", 411), ("x", 411), ("1e3", 411), (None, 411), ("10000000", 413)],
)
def test_a_delivery_of_a_length_that_is_none(sandbox, keys, length, status):
    from td_notebooks.cli.appconnect import _Server

    with _Server(0, Receiver(keys)) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as sent:
            told = f"Content-Length: {length}\r\n" if length else ""
            sent.sendall(f"POST / HTTP/1.1\r\n{told}\r\n".encode())
            sent.shutdown(socket.SHUT_WR)
            assert sent.recv(1000).startswith(f"HTTP/1.0 {status}".encode())
        thread.join()
