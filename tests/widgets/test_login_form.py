"""The login form, without a browser: what is pressed and typed comes as its messages do."""

from __future__ import annotations

import html
import re
import threading
import time

import pytest
from ipywidgets.embed import dependency_state

import td_notebooks as td
from td_notebooks.errors import ConfigError, NotLoggedInError, TokenError
from td_notebooks.widgets import LoginForm, SecretField


def type_into(field, text, kind="typed"):
    field._handle_custom_msg({"kind": kind, "text": text}, [])


def text_of(form):
    return html.unescape(re.sub("<[^>]*>", "", form.message.value))


def settled(form):
    """Wait until the form can be used again."""
    end = time.monotonic() + 60
    while form.button.disabled:
        assert time.monotonic() < end
        time.sleep(0.01)
    return text_of(form)


@pytest.fixture
def sandbox(live_sandbox):
    return live_sandbox()


@pytest.fixture
def form(sandbox):
    made = LoginForm(
        {"account": sandbox.account, "client_id": sandbox.client_id, "key_id": sandbox.key_id},
        {"api_url": sandbox.api_url, "token_url": sandbox.token_url},
    )
    yield made
    if made._login and not made._login.exception():
        made.client.close()


@pytest.fixture
def keyring_of_a_test(monkeypatch):
    """Stand in for the keyring of a desktop, which machines of tests do not have."""
    import keyring
    from keyring.backend import KeyringBackend

    class InMemory(KeyringBackend):
        priority = 1

        def __init__(self):
            super().__init__()
            self.kept = {}

        def get_password(self, service, username):
            return self.kept.get((service, username))

        def set_password(self, service, username, password):
            self.kept[service, username] = password

        def delete_password(self, service, username):
            del self.kept[service, username]

    before, here = keyring.get_keyring(), InMemory()
    keyring.set_keyring(here)
    yield here
    keyring.set_keyring(before)


def test_a_client_secret(form, sandbox):
    with pytest.raises(NotLoggedInError, match="press Log in"):
        form.client  # noqa: B018 - asking for it is the point
    assert repr(form) == "<LoginForm: nobody has logged in>"
    type_into(form.secret, f" {sandbox.client_secret}\n")
    form.button.click()
    assert form.button.disabled and form.account.disabled and form.secret.disabled
    assert repr(form) == "<LoginForm: logging in>"
    form.button.click()  # does nothing
    assert form.client.account.name == "sandbox"
    assert settled(form).startswith("✔ Logged in to sandbox (us).")
    assert len(sandbox.tokens) == 1
    assert not form.secret.secret, "it is not kept longer than it takes"
    assert "account='sandbox'" in repr(form)
    assert not [t.name for t in threading.enumerate() if t.name.startswith("td-login")]


def test_a_private_key(form, sandbox):
    form.kind.value = "private_key"
    assert form.secret.layout.display == "none" and form.key_id.layout.display is None
    type_into(form.private_key, sandbox.private_key)
    form.button.click()
    assert form.client.renew_token()


def test_the_sandbox_needs_no_answers():
    form = LoginForm()
    form.kind.value = "sandbox"
    assert form.account.layout.display == "none"
    form.button.click()
    assert form.client.account.region == "sandbox"
    form.client.close()


def test_a_wrong_secret_is_said_in_the_form_and_can_be_mended(form, sandbox):
    type_into(form.secret, "wrong-wrong", "submit")
    said = settled(form)
    assert "Bad client credentials" in said and "wrong-wrong" not in said
    assert 'role="alert"' in form.message.value
    assert repr(form) == "<LoginForm: nobody has logged in>"
    with pytest.raises(TokenError):
        form.client  # noqa: B018 - asking for it is the point
    type_into(form.secret, sandbox.client_secret, "submit")
    assert form.client


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        ("client_secret", "the account and the client id and the client secret."),
        ("private_key", "the account and the client id and the key id and the private key."),
    ],
)
def test_what_is_missing_is_named(kind, missing):
    form = LoginForm()
    form.kind.value = kind
    form.button.click()
    assert settled(form) == f"✘ Please fill in {missing}"


def test_errors_nobody_expected_are_said_too(form, monkeypatch):
    def fail(**_):
        raise LookupError("https://x/?token=s3cr3t")

    monkeypatch.setattr("td_notebooks.widgets.login_form.connect", fail)
    type_into(form.secret, "x", "submit")
    assert settled(form) == "✘ LookupError: https://x/?•••"


def test_enter_submits_from_every_field(form):
    for field in (form.account, form.client_id, form.key_id):
        field._handle_custom_msg({"event": "something else"}, [])
        assert not form.button.disabled
        field._handle_custom_msg({"event": "submit"}, [])
        assert "client secret" in settled(form)


def test_the_last_letters_may_come_after_the_key_that_submits(form, sandbox):
    form.account.value = "sandbo"
    type_into(form.secret, sandbox.client_secret, "submit")
    form.account.value = "sandbox"
    assert form.client.account.name == "sandbox"


def test_no_trait_of_the_form_holds_a_secret(form, sandbox):
    sent = []
    for field in (form.secret, form.private_key):
        field.comm.send = lambda *message, **more: sent.append((message, more))
        type_into(field, "typed-only-secret")
    assert form.secret.secret.reveal() == "typed-only-secret"
    state = str(dependency_state([form.box])) + str(form.secret.get_state()) + str(sent)
    assert "Client secret" in state and "typed-only" not in state


def test_messages_that_are_none_of_the_fields_are_ignored():
    field = SecretField("Secret")
    field._handle_custom_msg({"kind": "other", "text": "x"}, [])
    field._handle_custom_msg("text", [])
    type_into(field, "y", "submit")  # nobody listens
    assert field.secret.reveal() == "y"


def test_the_form_begins_with_what_the_environment_says(monkeypatch):
    monkeypatch.setenv("TALKDESK_ACCOUNT", "acme")
    monkeypatch.setenv("TALKDESK_REGION", "EU")
    assert (LoginForm().account.value, LoginForm().region.value) == ("acme", "eu")
    form = LoginForm({"account": "other", "region": "nowhere"})
    assert (form.account.value, form.region.value) == ("other", "us")


def test_remembering_needs_a_keyring(form, sandbox, keyring_of_a_test, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    again = LoginForm(
        {"account": sandbox.account, "client_id": sandbox.client_id},
        {"api_url": sandbox.api_url, "token_url": sandbox.token_url},
        profile="mine",
    )
    assert again.remember.value is False
    again.remember.value = True
    type_into(again.secret, sandbox.client_secret, "submit")
    assert "Remembered as profile 'mine'" in settled(again)
    again.client.close()
    assert sandbox.client_secret in keyring_of_a_test.kept.values()
    with td.connect(profile="mine") as client:
        assert client.renew_token()


def test_a_keyring_that_refuses_does_not_undo_the_login(form, sandbox, monkeypatch):
    def refuse(*_):
        raise ConfigError("The keyring refuses.")

    monkeypatch.setattr("td_notebooks.widgets.login_form.keep_profile", refuse)
    form.remember.value = True
    type_into(form.secret, sandbox.client_secret, "submit")
    assert "But it is not remembered. The keyring refuses." in settled(form)
    assert form.client
