"""The login form.

What needs no secrecy is plain ipywidgets; the secret and the private key are fields that leave no
trace. The way in is tried on another thread, so that the form shows what happens meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from ..errors import ConfigError, NotLoggedInError
from ..front_door import connect, keep_profile
from ..profiles import keyring_problem
from ..regions import REGIONS
from ..views import note_html, problem_html
from .background import in_background
from .defaults import with_environment
from .form import BESIDE_LABELS, FIELD, LAST_PORTION, Form, described, field, hide
from .secret_field import SecretField

if TYPE_CHECKING:
    from ..client import Talkdesk

_NAMES = {"us": "United States", "eu": "Europe", "ca": "Canada", "au": "Australia"}
_KINDS = {
    "Client secret": "client_secret",
    "Private key": "private_key",
    "None: try the sandbox": "sandbox",
}


class LoginForm(Form):
    """Asks for an account and the credentials of its OAuth client, and tries them.

    Parameters
    ----------
    prefilled : mapping
        What ``account``, ``region``, ``client_id`` and ``key_id`` are at first.
    fixed : mapping
        Other settings of `td_notebooks.connect`.
    profile : str
        Where the settings are kept, if the person wants them remembered.

    Attributes
    ----------
    region, account, kind, client_id, key_id, remember : ipywidgets widgets
    secret, private_key : SecretField
    button, message : ipywidgets widgets
    """

    WORDS = "Login form. If you see only this line: td.login(form=False) asks one by one."

    def __init__(
        self,
        prefilled: Mapping[str, str | None] | None = None,
        fixed: Mapping[str, Any] | None = None,
        *,
        profile: str = "default",
    ) -> None:
        super().__init__()
        known = with_environment(dict.fromkeys(("account", "region", "client_id", "key_id")))
        known |= {name: value for name, value in (prefilled or {}).items() if value}
        self._fixed = dict(fixed or {})
        self._profile = profile
        self._login: Future[Talkdesk] | None = None
        regions = [(f"{_NAMES.get(name, name)} ({name})", name) for name in REGIONS]
        region = known["region"].lower() if known["region"].lower() in REGIONS else "us"
        self.region = field(widgets.Dropdown, "Region", options=regions, value=region)
        self.account = _text("Account", known["account"], "the part before .talkdeskid.com")
        self.kind = field(widgets.Dropdown, "Proof", options=list(_KINDS.items()))
        self.client_id = _text("Client id", known["client_id"], "32 letters and digits")
        self.key_id = _text("Key id", known["key_id"], "")
        self.secret = SecretField("Client secret", layout=widgets.Layout(**FIELD))
        self.private_key = SecretField(
            "Private key", several_lines=True, layout=widgets.Layout(**FIELD)
        )
        problem = keyring_problem()
        self.remember = widgets.Checkbox(
            description="Remember in the keyring of the computer the kernel runs on"
            + (f" ({problem})" if problem else ""),
            indent=False,
            disabled=problem is not None,
            layout=widgets.Layout(margin=BESIDE_LABELS, width="auto"),
        )
        self.button = widgets.Button(
            description="Log in", button_style="primary", layout=widgets.Layout(margin="2px 118px")
        )
        self.message = widgets.HTML(layout=widgets.Layout(margin=BESIDE_LABELS))
        self.fill(*self._inputs, self.button, self.message)
        self.kind.observe(lambda change: self._show_what_is_needed(), "value")
        self.button.on_click(lambda button: self.submit())
        self.secret.on_submit(self.submit)
        self.private_key.on_submit(self.submit)
        self.submit_on_enter(self.account, self.client_id, self.key_id)
        self._show_what_is_needed()

    def __repr__(self) -> str:
        login = self._login
        if login is None or (login.done() and login.exception()):
            return "<LoginForm: nobody has logged in>"
        return f"<LoginForm: {login.result()!r}>" if login.done() else "<LoginForm: logging in>"

    @property
    def client(self) -> Talkdesk:
        """The connection; a login under way is waited for.

        Raises
        ------
        NotLoggedInError
            The button was not pressed yet.
        ConfigError, TokenError, NetworkError
            The last attempt failed.
        """
        if self._login is None:
            raise NotLoggedInError(
                "Nobody has logged in yet.",
                hint="Fill in the form, press Log in, and then run this cell again.",
            )
        return self._login.result()

    def submit(self) -> None:
        """Try what the form says; what pressing the button does."""
        if self.button.disabled:
            return
        self._allow(False)
        self.message.value = note_html("Logging in…")
        self._login = in_background(self._try, name="td-login")
        # Not sooner: who may press the button again finds the attempt ended.
        self._login.add_done_callback(lambda login: self._allow(True))

    def _try(self) -> Talkdesk:
        try:
            time.sleep(LAST_PORTION)
            client = self._connected()
            self.message.value = note_html(self._welcome(client))
        except Exception as error:
            self.message.value = problem_html(described(error))
            raise
        self.secret.forget()
        self.private_key.forget()
        return client

    def _connected(self) -> Talkdesk:
        kind = self.kind.value
        if kind == "sandbox":
            client = connect(sandbox=True, reports_path=self._fixed.get("reports_path"))
        else:
            self._require(kind)
            client = connect(**self._fixed, **self._answers(kind))
        try:
            client.renew_token()
        except BaseException:
            client.close()
            raise
        return client

    def _require(self, kind: str) -> None:
        needed: list[tuple[str, Any]] = [
            ("the account", self.account.value.strip()),
            ("the client id", self.client_id.value.strip()),
        ]
        if kind == "private_key":
            needed += [
                ("the key id", self.key_id.value.strip()),
                ("the private key", self.private_key.secret),
            ]
        else:
            needed.append(("the client secret", self.secret.secret))
        if missing := [name for name, answer in needed if not answer]:
            raise ConfigError(f"Please fill in {' and '.join(missing)}.")

    def _answers(self, kind: str) -> dict[str, Any]:
        answers = {
            "account": self.account.value.strip(),
            "region": self.region.value,
            "client_id": self.client_id.value.strip(),
        }
        if kind == "private_key":
            key = {"key_id": self.key_id.value.strip(), "private_key": self.private_key.secret}
            return answers | key
        return answers | {"client_secret": self.secret.secret}

    def _welcome(self, client: Talkdesk) -> str:
        said = f"✔ Logged in to {client.account.name} ({client.account.region})."
        if self.remember.value and self.kind.value != "sandbox":
            try:
                keep_profile(client.settings, self._profile)
                said += f" Remembered as profile {self._profile!r}: td.connect() finds it."
            except ConfigError as error:
                said += f" But it is not remembered. {error}"
        return f"{said} The next cells use it as the form's .client."

    def _allow(self, allowed: bool) -> None:
        self.button.disabled = not allowed
        for widget in self._inputs:
            widget.disabled = not allowed
        self.remember.disabled = not allowed or keyring_problem() is not None

    @property
    def _inputs(self) -> tuple[Any, ...]:
        return (
            self.region,
            self.account,
            self.kind,
            self.client_id,
            self.key_id,
            self.secret,
            self.private_key,
            self.remember,
        )

    def _show_what_is_needed(self) -> None:
        kind = self.kind.value
        for widget in (self.region, self.account, self.client_id, self.remember):
            hide(widget, kind == "sandbox")
        hide(self.key_id, kind != "private_key")
        hide(self.private_key, kind != "private_key")
        hide(self.secret, kind != "client_secret")


def _text(label: str, value: str, placeholder: str) -> Any:
    return field(widgets.Text, label, value=value, placeholder=placeholder)
