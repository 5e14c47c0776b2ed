"""Cells that log in, and what is typed into their forms."""

from __future__ import annotations

TYPED_ONLY = "typed-but-never-sent-to-talkdesk"
LOGIN = """
import td_notebooks as td
form = td.login(account={account!r}, client_id={client_id!r},
                api_url={api_url!r}, token_url={token_url!r}, form={form})
"""


def login_cell(sandbox, form=None):
    return LOGIN.format(
        account=sandbox.account,
        client_id=sandbox.client_id,
        api_url=sandbox.api_url,
        token_url=sandbox.token_url,
        form=form,
    )
