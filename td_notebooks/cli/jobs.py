"""``td-notebooks jobs``: one report job at a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .exports import check_target
from .options import Account, Profile, Quiet, Region, ReportType, open_client
from .streams import say, show_rows

if TYPE_CHECKING:
    from ..reports.jobs import Job

jobs_app = typer.Typer(
    help="List report jobs, and come back to one by its id.", no_args_is_help=True
)

JobId = Annotated[str, typer.Argument(metavar="ID", help="The job's id.")]
Timeout = Annotated[float, typer.Option(min=0, help="Seconds to wait for the job.")]


def _show(*jobs: Job) -> None:
    show_rows(["id", "status", "from", "to", "format", "name"], [_row(job) for job in jobs])


def _row(job: Job) -> list[str]:
    state = job.state
    start, end = (moment.isoformat() if moment else "" for moment in (state.start, state.end))
    return [job.id, job.status, start, end, state.format, state.name]


@jobs_app.command("list")
def list_jobs(
    report_type: ReportType,
    limit: Annotated[int, typer.Option(min=1, help="At most this many.")] = 20,
    account: Account = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """List the account's jobs of one type, newest first.

    A table in a terminal; tab-separated lines in a pipe: id, status, from, to, format, name.
    """
    with open_client(account, region, profile=profile) as client:
        _show(*client.jobs(report_type, limit=limit))


@jobs_app.command()
def show(
    report_type: ReportType,
    job_id: JobId,
    account: Account = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Show one job, as `list` does."""
    with open_client(account, region, profile=profile) as client:
        _show(client.job(report_type, job_id))


@jobs_app.command()
def wait(
    report_type: ReportType,
    job_id: JobId,
    timeout: Timeout = 900.0,
    quiet: Quiet = False,
    account: Account = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Wait until a job is done, then show it."""
    from ..progress import Progress
    from ..reports.events import Finished

    with (
        open_client(account, region, profile=profile) as client,
        Progress(not quiet, until=Finished) as progress,
    ):
        job = client.job(report_type, job_id).wait(timeout=timeout, on_update=progress)
    _show(job)


@jobs_app.command()
def download(
    report_type: ReportType,
    job_id: JobId,
    output: Annotated[Path, typer.Option("-o", "--output", help="Where the file goes, as it is.")],
    timeout: Timeout = 900.0,
    quiet: Quiet = False,
    account: Account = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Wait for a job and save its file just as Talkdesk made it."""
    from ..progress import Progress
    from ..reports.download import download
    from ..reports.events import Downloaded

    check_target(output)
    with (
        open_client(account, region, profile=profile) as client,
        Progress(not quiet, until=Downloaded) as progress,
    ):
        job = client.job(report_type, job_id).wait(timeout=timeout, on_update=progress)
        size = download(job, output)
        progress(Downloaded(job.state, 0.0, size=size))
    if not quiet:
        say(f"{output}: {size:,} bytes")


@jobs_app.command()
def delete(
    report_type: ReportType,
    job_id: JobId,
    account: Account = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Delete a job's file at Talkdesk."""
    with open_client(account, region, profile=profile) as client:
        client.job(report_type, job_id).delete()
    say(f"{report_type} job {job_id}: deleted")
