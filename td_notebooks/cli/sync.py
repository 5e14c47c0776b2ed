"""``td-notebooks sync``: bring a lake up to date, with nobody watching."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConfigError, TalkdeskError
from . import exits
from .logs import LogFormat, log_to_stderr
from .options import (
    Account,
    Profile,
    Quiet,
    Region,
    StorageOptions,
    UseSandbox,
    complete_type,
    open_client,
    storage_options,
)
from .streams import in_shell_words, show_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..client import Talkdesk
    from ..fleet import AccountRun, Summary, Task
    from ..fleet.run import Member


def sync(
    context: typer.Context,
    report_types: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TYPE...",
            help="Such as calls user_status; by default those that are in the lake.",
            autocompletion=complete_type,
            show_default=False,
        ),
    ] = None,
    into: Annotated[
        str, typer.Option("--into", help="The lake: a folder, or an address such as s3://bucket/x.")
    ] = "talkdesk-lake",
    since: Annotated[
        str | None,
        typer.Option(
            help="From when on everything shall be there: 2026-01-01, or 400d back from now. "
            "By default the start of what is there."
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Day or moment, not included; else now.")
    ] = None,
    lookback: Annotated[
        str, typer.Option(help="How far back complete days are asked for again: 3d, 36h, 0d.")
    ] = "3d",
    full: Annotated[bool, typer.Option("--full", help="Ask for everything again.")] = False,
    zone: Annotated[
        str, typer.Option(help="IANA zone whose days count, for accounts that name none.")
    ] = "UTC",
    accounts: Annotated[
        Path | None,
        typer.Option(help="TOML file with many [[accounts]]; one that fails stops no other."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Only this account of the file; can be repeated.")
    ] = None,
    at_once: Annotated[int, typer.Option(min=1, help="Accounts at work side by side.")] = 4,
    pseudonymise: Annotated[
        str | None,
        typer.Option(
            help="Replace values by keyed hashes before anything is stored: phone, email, name, "
            "ip, notes, or columns; separated by commas."
        ),
    ] = None,
    pseudonyms_file: Annotated[
        Path | None,
        typer.Option(help="File of the key; else TALKDESK_PSEUDONYM_KEY, else one of its own."),
    ] = None,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for another run of the same reports.")
    ] = 0.0,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds for one account.")] = 6 * 3600.0,
    summary: Annotated[
        Path | None, typer.Option(help="Write what was done to this file, as JSON.")
    ] = None,
    log_format: Annotated[LogFormat, typer.Option(help="Of the log on stderr.")] = LogFormat.TEXT,
    quiet: Quiet = False,
    storage_option: StorageOptions = None,
    account: Account = None,
    region: Region = None,
    profile: Profile = None,
    use_sandbox: UseSandbox = False,
) -> None:
    """Pull what a lake lacks, and its last days again.

    It may be killed at any moment and run twice or late: what is missing is found in the lake
    itself. Prints a line per account and report; exit code 1 says that some of it failed, and the
    next run asks for that again.
    """
    verbose = bool(context.find_root().params.get("verbose"))
    log = log_to_stderr(log_format, quiet=quiet, verbose=verbose)
    began = time.time()
    try:
        _check_times(since, until, lookback, zone)
        members = _members(
            accounts, only, zone, lambda: open_client(account, region, use_sandbox, profile)
        )
        if accounts and (account or region or profile or use_sandbox):
            raise ConfigError(
                "--accounts and --account, --region, --profile or --sandbox are both given.",
                hint="Give the one or the other; --only chooses from the file.",
            )
        task = _task(
            into,
            report_types or [],
            storage_options(storage_option),
            since=since,
            until=until,
            lookback=lookback,
            full=full,
            timeout=timeout,
            wait=wait,
            kinds=pseudonymise,
            key_file=pseudonyms_file,
        )
        done = _run(members, task, at_once, began)
    except (TalkdeskError, KeyboardInterrupt) as error:
        raise _told(log, error) from None
    code = exit_code_of(done.runs)
    for run in done.runs:
        if not (quiet and run.status == "done"):
            _show(run)
    if summary:
        try:
            done.write(summary, code)
        except ConfigError as error:
            raise _told(log, error) from None
    raise typer.Exit(code)


@dataclass(frozen=True, slots=True)
class _One:
    """The account that the options and the environment describe."""

    zone: str
    open: Callable[[], Talkdesk]
    name: str = ""

    def connect(self) -> Talkdesk:
        return self.open()


def _check_times(since: str | None, until: str | None, lookback: str, zone: str) -> None:
    """Complain before any account is asked of what would be wrong for all of them.

    Raises
    ------
    ConfigError
    """
    from ..lake.plan import end_of, length_of, start_of
    from ..timespan import zone as check_zone

    check_zone(zone)
    length_of(lookback)
    now, day = datetime.now(UTC), timedelta(days=1)
    # A day more or less: in an account's own zone, tomorrow may have begun.
    start = None if since is None else start_of(since, now + day, zone) - day
    end_of(until, now, zone, start)


def _members(
    accounts: Path | None, only: list[str] | None, zone: str, open: Callable[[], Talkdesk]
) -> Sequence[Member]:
    from ..fleet import read_accounts

    if accounts is None:
        if only:
            raise ConfigError("--only chooses from a file of accounts.", hint="Give --accounts.")
        return [_One(zone, open)]
    listed = read_accounts(accounts, zone)
    if unknown := set(only or ()) - {entry.name for entry in listed}:
        raise ConfigError(
            f"{accounts} has no account {min(unknown)!r}.",
            hint=f"It has {', '.join(entry.name for entry in listed)}.",
        )
    return [entry for entry in listed if not only or entry.name in only]


def _task(
    into: str,
    report_types: Sequence[str],
    options: dict[str, str],
    *,
    since: str | None,
    until: str | None,
    lookback: str,
    full: bool,
    timeout: float,
    wait: float,
    kinds: str | None,
    key_file: Path | None,
) -> Task:
    from ..fleet import Task
    from ..lake import Lake
    from ..pseudonyms import Pseudonyms, parse_kinds
    from ..reports.schemas import schema

    lake = Lake(into, storage_options=options)
    wanted = tuple(dict.fromkeys(report_types)) or tuple(lake.tables)
    if not wanted:
        raise ConfigError(
            f"There is nothing in the lake {into} yet.",
            hint="Say what to pull: td-notebooks sync calls user_status --since 400d …",
        )
    for report_type in wanted:
        schema(report_type)
    return Task(
        place=lake.place,
        report_types=wanted,
        since=since,
        until=until,
        lookback=lookback,
        full=full,
        timeout=timeout,
        wait=wait,
        transform=Pseudonyms.find(parse_kinds(kinds), key_file, outside=lake.place.folder)
        if kinds is not None
        else None,
    )


def _run(members: Sequence[Member], task: Task, at_once: int, began: float) -> Summary:
    from ..fleet import Summary, sync_account, sync_accounts

    if len(members) == 1:  # on this thread, where an interrupt ends it at once
        runs = [sync_account(members[0], task)]
    else:
        runs = sync_accounts(members, task, at_once=at_once)
    return Summary(task.place.path, runs, began, time.time())


def exit_code_of(runs: Sequence[AccountRun]) -> int:
    """Return the exit code of a run over some accounts.

    When nothing was done at all and for one reason, the reason's; 75 when all there was to do is
    another run's at work; 1 when some of it failed.
    """
    if all(run.status in ("done", "busy") for run in runs):
        return exits.LATER if any(run.status == "busy" for run in runs) else exits.DONE
    codes = {
        exits.exit_code(run.errors[0]) if run.status == "failed" else exits.OTHER for run in runs
    }
    return codes.pop() if len(codes) == 1 else exits.OTHER


def _show(run: AccountRun) -> None:
    names = list(dict.fromkeys(outcome.report_type for outcome in run.outcomes))
    show_rows(
        ["account", "report", "status", "windows", "replaced", "rows"],
        [
            [
                run.name or "-",
                name,
                "partial" if any(o.status == "failed" for o in mine) else "done",
                str(len(mine)),
                str(sum(o.status == "replaced" for o in mine)),
                str(sum(o.rows for o in mine if o.status == "replaced")),
            ]
            for name in names
            for mine in [[o for o in run.outcomes if o.report_type == name]]
        ]
        or [[run.name or "-", "-", run.status, "0", "0", "0"]],
    )


def _told(log: logging.Logger, error: TalkdeskError | KeyboardInterrupt) -> typer.Exit:
    code = exits.exit_code(error)
    said = str(error)
    if isinstance(error, KeyboardInterrupt):
        said = "told to end" if code == exits.TERMINATED else "interrupted"
    log.error("%s", in_shell_words("\n".join([said, *getattr(error, "__notes__", ())])))
    return typer.Exit(code)
