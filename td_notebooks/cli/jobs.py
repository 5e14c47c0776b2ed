"""``td-notebooks jobs``: one report job at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..progress import Progress
from ..reports.download import download as download_file
from ..reports.events import Downloaded
from ..reports.jobs import Job
from .options import Account, Region, open_client

jobs_app = typer.Typer(
    help="List report jobs, and come back to one by its id.", no_args_is_help=True
)

ReportType = Annotated[str, typer.Argument(metavar="TYPE", help="Such as calls.")]
JobId = Annotated[str, typer.Argument(metavar="ID", help="The job's id.")]


def _line(job: Job) -> str:
    state = job.state
    start, end = (moment.isoformat() if moment else "" for moment in (state.start, state.end))
    return "\t".join([job.id, job.status, start, end, state.format, state.name])


@jobs_app.command("list")
def list_jobs(
    report_type: ReportType,
    limit: Annotated[int, typer.Option(help="At most this many.")] = 20,
    account: Account = None,
    region: Region = None,
) -> None:
    """List the account's jobs of one type, newest first, as tab-separated lines."""
    with open_client(account, region, False) as client:
        for job in client.jobs(report_type, limit=limit):
            typer.echo(_line(job))


@jobs_app.command()
def show(
    report_type: ReportType, job_id: JobId, account: Account = None, region: Region = None
) -> None:
    """Show one job as a tab-separated line."""
    with open_client(account, region, False) as client:
        typer.echo(_line(client.job(report_type, job_id)))


@jobs_app.command()
def wait(
    report_type: ReportType,
    job_id: JobId,
    timeout: Annotated[float, typer.Option(help="Seconds.")] = 900.0,
    account: Account = None,
    region: Region = None,
) -> None:
    """Wait until a job is done."""
    with open_client(account, region, False) as client, Progress() as progress:
        job = client.job(report_type, job_id).wait(timeout=timeout, on_update=progress)
    typer.echo(_line(job))


@jobs_app.command()
def download(
    report_type: ReportType,
    job_id: JobId,
    output: Annotated[Path, typer.Option("-o", "--output", help="Where the file goes, as it is.")],
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the job.")] = 900.0,
    account: Account = None,
    region: Region = None,
) -> None:
    """Wait for a job and save its file just as Talkdesk made it."""
    with open_client(account, region, False) as client, Progress() as progress:
        job = client.job(report_type, job_id).wait(timeout=timeout, on_update=progress)
        size = download_file(job, output)
        progress(Downloaded(job.state, 0.0, size=size))
    typer.echo(f"{output}: {size:,} bytes", err=True)


@jobs_app.command()
def delete(
    report_type: ReportType, job_id: JobId, account: Account = None, region: Region = None
) -> None:
    """Delete a job's file at Talkdesk."""
    with open_client(account, region, False) as client:
        client.job(report_type, job_id).delete()
    typer.echo(f"{report_type} job {job_id}: deleted", err=True)
