"""No secret, token or signed link shows up anywhere it should not."""

import logging
import pickle
import pprint
import traceback

import pytest
from IPython.core.ultratb import VerboseTB
from left_behind import needles
from rich.traceback import Traceback

import td_notebooks as td
from td_notebooks.auth import ClientAssertion, ClientSecret
from td_notebooks.client import Talkdesk
from td_notebooks.errors import TalkdeskError
from td_notebooks.regions import Account
from td_notebooks.sandbox.faults import FaultSettings
from td_notebooks.secret import Secret
from td_notebooks.settings import Settings, find_settings

DAY = ("2026-08-03", "2026-08-04")
SWIFT = FaultSettings(stall_seconds=0, slow_seconds=0, elsewhere="http://127.0.0.1:9/f?sig=s3cr3t")


def settings_of(sandbox, **change):
    known = {
        "account": Account(
            sandbox.account, "x", token_url=sandbox.token_url, api_url=sandbox.api_url
        ),
        "credentials": ClientSecret(sandbox.client_id, Secret(sandbox.client_secret)),
        "scope": "",
    }
    return Settings(**{**known, **change})


def clean(text, secrets):
    found = [needle for needle in needles(secrets) if needle in text]
    assert not found, f"{len(found)} secrets in {text[:300]!r}…"


def every_view(error, callers=1):
    """Show an error in all the ways that people and programs do.

    The frames of the callers are left out: what they hold is theirs.
    """
    for _ in range(callers if error.__traceback__ else 0):
        error.__traceback__ = error.__traceback__.tb_next
    kind, value, frames = type(error), error, error.__traceback__
    yield str(error)
    yield repr(error)
    yield repr(vars(error))
    yield str(pickle.dumps(error))
    yield "".join(traceback.TracebackException(kind, value, frames, capture_locals=True).format())
    yield VerboseTB(theme_name="nocolor", include_vars=True).text(kind, value, frames)
    rich = Traceback.extract(
        kind,
        value,
        frames,
        show_locals=True,
        locals_max_string=None,
        locals_max_length=None,
    )
    # What rich would print; laying it out in coloured panels takes most of a test's time.
    for stack in rich.stacks:
        yield f"{stack.exc_value} {stack.notes}"
        for frame in stack.frames:
            yield str({name: str(node) for name, node in (frame.locals or {}).items()})
    for related in (error.__cause__, error.__context__):
        if related is not None:
            yield from every_view(related, callers=0)


@pytest.mark.parametrize(
    "fault",
    [
        "401-once@*",
        "reset@*",
        "reset:token@*",
        "reset:storage@*",
        "refused:file@*",
        "lost-answer@*",
        "429@*",
        "500@*",
        "html@*",
        "html:token@*",
        "empty-body:token@*",
        "garbage-json:token@*",
        "token-500@*",
        "failed-job@1",
        "stuck-job@1",
        "deleted-file@*",
        "expired-link@*",
        "truncated@*",
        "damaged-row@1",
        "missing-column@1",
        "redirect-elsewhere@*",
    ],
)
@pytest.mark.parametrize("proof", ["secret", "assertion"])
def test_no_error_shows_a_secret(start_sandbox, fault, proof, caplog, monkeypatch):
    monkeypatch.setattr("td_notebooks.transport.ATTEMPTS", 2)
    caplog.set_level(logging.DEBUG)
    sandbox = start_sandbox(faults=fault, fault_settings=SWIFT)
    settings = settings_of(sandbox)
    if proof == "assertion":
        settings = settings_of(
            sandbox,
            credentials=ClientAssertion(
                sandbox.client_id, Secret(sandbox.private_key), sandbox.key_id
            ),
        )
    client = Talkdesk(settings, clock=sandbox.clock)
    with pytest.raises(TalkdeskError) as caught:
        client.report("calls", *DAY, progress=False, timeout=300)
    client.close()
    secrets = {*sandbox.secrets, "s3cr3t"}
    assert sandbox.tokens or "token" in fault or "@*" in fault
    for view in every_view(caught.value):
        clean(view, secrets)
    clean(caplog.text, secrets)


def test_a_wrong_secret_is_not_quoted(start_sandbox):
    sandbox = start_sandbox()
    wrong = "the-wrong-secret-of-somebody"
    settings = settings_of(sandbox, credentials=ClientSecret(sandbox.client_id, Secret(wrong)))
    with (
        Talkdesk(settings, clock=sandbox.clock) as client,
        pytest.raises(TalkdeskError) as caught,
    ):
        client.jobs("calls")
    for view in every_view(caught.value):
        clean(view, {wrong, f"{sandbox.client_id}:{wrong}"})


@pytest.mark.parametrize(
    "arguments",
    [
        {"client_secret": "hunter2-hunter2"},
        {"account": "https://acme", "client_id": "c", "client_secret": "hunter2-hunter2"},
        {"account": "acme", "region": "moon", "client_id": "c", "client_secret": "hunter2-hunter2"},
        {"account": "acme", "client_id": "c", "key_id": "k", "private_key": "hunter2-hunter2"},
    ],
)
def test_a_wrong_call_of_connect_does_not_show_what_was_right(arguments):
    with pytest.raises(TalkdeskError) as caught:
        td.connect(**arguments)
    for view in every_view(caught.value):
        clean(view, {"hunter2-hunter2"})


def test_no_object_shows_a_secret(start_sandbox, open_client):
    sandbox = start_sandbox()
    client = open_client(sandbox)
    job = client.submit("calls", *DAY).wait()
    seen, queue, views = set(), [client, job, sandbox.client, sandbox], []
    while queue:
        thing = queue.pop()
        if id(thing) in seen or not type(thing).__module__.startswith("td_notebooks"):
            continue
        seen.add(id(thing))
        views += [repr(thing), str(thing), f"{thing}"]
        if isinstance(thing, (Secret, type(sandbox))) or "sandbox" in type(thing).__module__:
            continue
        slots = getattr(type(thing), "__slots__", ())
        held = getattr(thing, "__dict__", {}) or {
            name: getattr(thing, name) for name in slots if hasattr(thing, name)
        }
        views.append(pprint.pformat(held))
        queue += held.values()
    assert len(seen) > 8
    for view in views:
        clean(view, sandbox.secrets)


def test_settings_from_the_environment_are_masked(monkeypatch):
    monkeypatch.setenv("TALKDESK_ACCOUNT", "acme")
    monkeypatch.setenv("TALKDESK_CLIENT_ID", "c")
    monkeypatch.setenv("TALKDESK_CLIENT_SECRET", "hunter2-hunter2")
    clean(repr(find_settings()) + repr(vars(td.connect())), {"hunter2-hunter2"})
