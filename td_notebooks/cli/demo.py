"""``td-notebooks demo``: the whole way from nothing to a service level, in the sandbox."""

from __future__ import annotations

import typer

NEXT = """import td_notebooks as td
client = td.connect(sandbox=True)          # later: td.connect(), with your account's settings
calls = client.report("calls", "2026-08-01", "2026-10-01", timezone="Europe/Lisbon")"""


def demo() -> None:
    """Pull a month of simulated calls, step by step, and measure it."""
    import pandas as pd

    from ..connect import connect
    from ..metrics import service_level
    from ..progress import Progress
    from ..reports.events import Loaded

    pd.set_option("display.width", 100, "display.max_columns", 8)
    with connect(sandbox=True) as client, Progress() as progress:
        typer.echo(f"1. A sandbox answers at {client.account.api_url}")
        token = client.renew_token()
        typer.echo(f"2. Logged in: the access token lives {token.expires_in:.0f} s")
        job = client.submit("calls", "2026-08-01", "2026-09-01")
        typer.echo(f"3. Submitted: {job!r}")
        job.wait(on_update=progress)
        calls = job.frame()
        progress(Loaded(job.state, 0.0, rows=len(calls)))
    typer.echo(f"\n4. A typed frame of {len(calls):,} calls")
    columns = ["call_id", "type", "start_at", "wait_time", "talk_time", "ring_groups"]
    typer.echo(str(calls[columns].head()))
    typer.echo("\n5. Its types")
    typer.echo(str(calls[[*columns, "is_in_business_hours", "contact_phone_number"]].dtypes))
    typer.echo(f"\n6. {service_level(calls, within=20)!r}")
    typer.echo(f"\nNext, in a notebook or a Python prompt:\n\n{NEXT}")
