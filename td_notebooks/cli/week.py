"""``td-notebooks week``: a week on one page, from a lake or straight from Talkdesk."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .exports import check_target, replace_file
from .options import Account, Profile, Quiet, Region, UseSandbox, open_client
from .streams import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..client import Talkdesk
    from ..timespan import Timespan

    Read = Callable[[str, Timespan], Any]


def week(
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The HTML file; one file is all there is.")
    ] = Path("week.html"),
    day: Annotated[
        str | None,
        typer.Option("--week", help="A day of the week, 2026-08-05; else the last whole week."),
    ] = None,
    zone: Annotated[str, typer.Option(help="IANA zone whose days count.")] = "UTC",
    within: Annotated[
        float, typer.Option(min=1, help="Threshold of the service level in seconds.")
    ] = 20.0,
    target: Annotated[
        float, typer.Option(min=0, max=1, help="Of the service level: 0.8 for 80%.")
    ] = 0.8,
    lake: Annotated[
        str | None,
        typer.Option(help="Read from this lake; else the reports are pulled from Talkdesk."),
    ] = None,
    quiet: Quiet = False,
    account: Account = None,
    region: Region = None,
    profile: Profile = None,
    use_sandbox: UseSandbox = False,
) -> None:
    """Write a week as one HTML page: measures, pictures, and whether the data can be believed.

    The page holds the service level and other measures with their formulas and parts, the change
    against the week before, ring groups, pictures, and what the quality checks found.
    """
    from ..errors import ConfigError
    from ..week import week_before, week_of, week_page

    check_target(output)
    if lake is not None and (use_sandbox or region or profile):
        raise ConfigError(
            "A page comes from a lake or from Talkdesk, not from both.",
            hint="Leave out --lake, or --sandbox, --region and --profile.",
        )
    its_days = week_of(day, zone)
    both = type(its_days)(week_before(its_days).start, its_days.end, zone)
    connect = partial(open_client, account, region, use_sandbox, profile)
    source = _lake(lake, account) if lake else _talkdesk(connect, quiet)
    with source as (name, read):
        reports = {report_type: read(report_type, both) for report_type in _REPORTS}
    page = week_page(
        reports["calls"],
        its_days,
        contacts=reports["contacts"],
        statuses=reports["user_status"],
        within=within,
        target=target,
        account=name,
        made_at=datetime.now(UTC),
    )
    replace_file(output, lambda file: file.write(page.encode()), "Give another place.")
    if not quiet:
        say(f"{output}: the week of {its_days}")


_REPORTS = ("calls", "contacts", "user_status")


@contextmanager
def _talkdesk(connect: Callable[[], Talkdesk], quiet: bool) -> Iterator[tuple[str, Read]]:
    """Open the account; its reports are pulled when they are read."""
    with connect() as client:

        def read(report_type: str, span: Timespan) -> Any:
            return client.report(
                report_type,
                span.start,
                span.end,
                timezone=span.timezone,
                progress=False if quiet else None,
            )

        yield client.account.name, read


@contextmanager
def _lake(path: str, account: str | None) -> Iterator[tuple[str, Read]]:
    """Open a lake; a report that it does not have is done without, calls apart."""
    from ..lake import Lake

    lake = Lake(path)
    there = lake.tables

    def read(report_type: str, span: Timespan) -> Any:
        if report_type != "calls" and report_type not in there:
            say(f"td-notebooks: {report_type} is not in the lake: the page does without")
            return None
        return lake.frame(
            report_type, span.start, span.end, timezone=span.timezone, account=account
        )

    yield account or "", read
