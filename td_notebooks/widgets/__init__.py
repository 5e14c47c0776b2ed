"""Forms for notebooks: log in, pull a report, watch report jobs.

They answer while no cell runs: nothing here waits for somebody to press a button. A later cell
takes what came of it.

Where they work, none of it with a request to anywhere but the notebook's own server:

- JupyterLab 4, Notebook 7 and Voila: tested.
- VS Code: it comes with ipywidgets' own scripts. That of anywidget, which the field of the secret
  is made of, it takes from the Python environment of the kernel; if that is on another machine, the
  setting ``jupyter.widgetScriptSources`` may name a public server of scripts. Not tested.
- Colab: it loads all scripts from a server of its own and a public one; anywidget asks it to by
  itself. Not tested.

Wherever the field does not appear, ``td.login(form=False)`` asks one by one with the notebook's
own prompt, which masks the secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .jobs_view import JobsView
from .login_form import LoginForm
from .place import way_to_ask
from .prompt import PromptedLogin, ask_for_login, nobody_answers
from .report_form import ReportForm
from .secret_field import SecretField

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..client import Talkdesk
    from ..job import JobList, ReportJob

__all__ = [
    "JobsView",
    "LoginForm",
    "PromptedLogin",
    "ReportForm",
    "SecretField",
    "explore",
    "login",
    "watch",
]


def login(
    *,
    browser: bool = False,
    form: bool | None = None,
    profile: str = "default",
    account: str | None = None,
    region: str | None = None,
    client_id: str | None = None,
    key_id: str | None = None,
    scope: str | None = None,
    api_url: str | None = None,
    token_url: str | None = None,
    reports_path: str | None = None,
    ca: str | None = None,
) -> LoginForm | PromptedLogin | Talkdesk:
    """Ask the person for what a connection needs, the secret included.

    In a notebook a form appears and this returns at once; the next cell uses ``form.client``. In a
    terminal the questions come one by one. The secret is never kept in the notebook.

    Parameters
    ----------
    browser : bool
        Log in at Talkdesk's own page in the browser in place of giving a secret here; returns when
        that is done. `td_notebooks.front_door.login` has more to set.
    form : bool, optional
        True shows the form wherever this runs; False asks one by one, also in a notebook. By
        default the place decides.
    profile : str
        Where the settings are kept, if the person wants them remembered.
    account, region, client_id, key_id : str, optional
        What the form is filled with at first; by default what the environment says.
    scope, api_url, token_url, reports_path, ca : str, optional
        As for `td_notebooks.connect`.

    Returns
    -------
    LoginForm or PromptedLogin
        Both have the connection as ``client``. With ``browser`` the connection itself.

    Raises
    ------
    ConfigError
        Nobody can answer here; the message names the environment variables to set.

    Examples
    --------
    >>> import td_notebooks as td
    >>> form = td.login(form=True)
    """
    if browser:
        from ..front_door import login as log_in

        return log_in(
            account=account,
            region=region,
            client_id=client_id,
            scope=scope,
            api_url=api_url,
            token_url=token_url,
            ca=ca,
        )
    prefilled = {"account": account, "region": region, "client_id": client_id, "key_id": key_id}
    fixed = {
        "scope": scope,
        "api_url": api_url,
        "token_url": token_url,
        "reports_path": reports_path,
        "ca": ca,
    }
    way = "form" if form else way_to_ask()
    if way == "nobody":
        raise nobody_answers()
    if way == "prompt" or form is False:
        return ask_for_login(prefilled, fixed)
    shown = LoginForm(prefilled, fixed, profile=profile)
    shown.show()
    return shown


def explore(client: Talkdesk) -> ReportForm:
    """Show a form that pulls reports through a connection; what ``client.explore()`` calls."""
    form = ReportForm(client)
    form.show()
    return form


def watch(ask: Callable[[], JobList], jobs: Sequence[ReportJob]) -> JobsView:
    """Show a table of jobs that keeps itself up to date; what ``client.jobs(…).watch()`` calls.

    Parameters
    ----------
    ask : callable
        Returns the jobs as they are now.
    jobs : sequence of ReportJob
        As they were last heard of.
    """
    view = JobsView(ask, jobs)
    view.show()
    return view
