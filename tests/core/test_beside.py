"""A name stands for a whole file; links, devices and pipes stay what they are."""

import os
import stat
import threading
from pathlib import Path

import pyarrow as pa
import pytest

from td_notebooks.beside import beside
from td_notebooks.cli.exports import check_target, export
from td_notebooks.errors import JobTimeoutError, TalkdeskError
from td_notebooks.fleet import Summary
from td_notebooks.frames import read_batches
from td_notebooks.frames.outputs import write_parquet
from td_notebooks.frames.spreadsheet import write_xlsx
from td_notebooks.pull import load
from td_notebooks.reports.download import download

TABLE = pa.table({"n": [1, 2]})


@pytest.fixture
def job(start_sandbox, open_client):
    return open_client(start_sandbox()).submit("calls", "2026-08-03", "2026-08-04").wait()


@pytest.fixture
def report(job, tmp_path):
    return job.download(tmp_path / "report.json")


WRITERS = {
    "download": lambda target, job, report: download(job, target),
    "keep": lambda target, job, report: load(report, "calls", keep=target),
    "parquet": lambda target, job, report: write_parquet(read_batches(report, "calls"), target),
    "xlsx": lambda target, job, report: write_xlsx(TABLE, target),
    "summary": lambda target, job, report: Summary("lake", [], 0.0, 1.0).write(target, 0),
    "export": lambda target, job, report: export(TABLE, target),
}


@pytest.fixture(params=WRITERS)
def write(request, job, report):
    return lambda target: WRITERS[request.param](target, job, report)


def read_to_the_end(pipe: Path) -> tuple[threading.Thread, list[bytes]]:
    came: list[bytes] = []
    reader = threading.Thread(target=lambda: came.append(pipe.read_bytes()), daemon=True)
    reader.start()
    return reader, came


def test_a_pipe_gets_what_a_file_would_hold(write, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    pipe = folder / "pipe.csv"
    os.mkfifo(pipe)
    write(folder / "file.csv")
    reader, came = read_to_the_end(pipe)
    write(pipe)
    assert pipe.is_fifo()
    reader.join(30)
    assert len(came[0]) == (folder / "file.csv").stat().st_size > 0
    assert {path.name for path in folder.iterdir()} == {"pipe.csv", "file.csv"}


def test_a_device_stays_a_device(write, tmp_path):
    device = tmp_path / "null.csv"
    try:
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        device.open("wb").close()
    except OSError:
        pytest.skip("making a device needs root")
    check_target(device)
    write(device)
    assert device.is_char_device()


def test_a_link_stays_a_link_and_a_file_keeps_its_permissions(write, tmp_path):
    real, link = tmp_path / "real.csv", tmp_path / "link.csv"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    write(link)
    assert link.is_symlink() and real.read_bytes()[:3] != b"old"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_a_long_name_and_a_folder_that_is_not_there(write, tmp_path, request):
    write(tmp_path / ("n" * 245 + ".csv"))
    if "keep" not in request.node.name:  # which makes the folder
        with pytest.raises(TalkdeskError, match="No such file or directory"):
            write(tmp_path / "nowhere" / "file.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(TalkdeskError, match="Is a directory"):
        write(tmp_path / "folder.csv")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_after_an_error_the_target_is_as_it_was(tmp_path, error):
    target = tmp_path / "file"
    target.write_text("old")
    target.chmod(0o440)
    expected = TalkdeskError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected), beside(target) as path:
        path.write_text("new")
        raise error
    assert target.read_text() == "old" and [*tmp_path.iterdir()] == [target]
    with beside(target) as path:
        path.write_text("new")
    assert target.read_text() == "new" and stat.S_IMODE(target.stat().st_mode) == 0o440


def test_an_error_of_this_package_passes_as_it_is(tmp_path):
    with pytest.raises(JobTimeoutError, match="too late"), beside(tmp_path / "file"):
        raise JobTimeoutError("too late")  # an OSError as well


def test_who_may_not_read_the_target_may_not_read_what_is_written(tmp_path):
    target = tmp_path / "file"
    target.touch(0o600)
    with beside(target) as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
