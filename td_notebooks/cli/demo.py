"""``td-notebooks demo``: the whole way from nothing to a service level, in the sandbox."""

from __future__ import annotations

NEXT = """import td_notebooks as td
client = td.connect(sandbox=True)          # later: td.connect(), with your account's settings
calls = client.report("calls", "2026-08-01", "2026-10-01", timezone="Europe/Lisbon")"""


def demo() -> None:
    """Pull a month of simulated calls, step by step, and measure it."""
    import pandas as pd

    from ..front_door import connect
    from ..metrics import service_level
    from ..progress import Progress
    from ..reports.events import Loaded

    with connect(sandbox=True) as client:
        print(f"1. A sandbox answers at {client.account.api_url}")
        token = client.renew_token()
        print(f"2. Logged in: the access token lives {token.expires_in:.0f} s")
        job = client.submit("calls", "2026-08-01", "2026-09-01")
        print(f"3. Submitted: {job!r}")
        with Progress() as progress:
            calls = job.wait(on_update=progress).frame()
            progress(Loaded(job.state, 0.0, rows=len(calls)))
    print(f"\n4. A typed frame of {len(calls):,} calls")
    columns = ["call_id", "type", "start_at", "wait_time", "talk_time", "ring_groups"]
    with pd.option_context("display.width", 100, "display.max_columns", 8):
        print(str(calls[columns].head()))
    print("\n5. Its types")
    print(str(calls[[*columns, "is_in_business_hours", "contact_phone_number"]].dtypes))
    print(f"\n6. {service_level(calls, within=20)!r}")
    print(f"\nNext, in a notebook or a Python prompt:\n\n{NEXT}")
