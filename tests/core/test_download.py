"""Files of any size go through a small buffer, whole or not at all."""

import threading
import time
import tracemalloc

import pytest
from pandas.testing import assert_frame_equal

from td_notebooks.errors import DownloadError, NetworkError
from td_notebooks.frames import read_report
from td_notebooks.reports.download import Stopped, StopSwitch, download
from td_notebooks.reports.schemas import schema

DAY = ("2026-08-03", "2026-08-04")
SIZE = 80_000_000


class BigFile:
    """One file of a given size."""

    def __init__(self, size):
        self.size = size

    def rows(self, report_type, start, end):
        return []

    def render(self, report_type, rows, format, *, timezone):
        line = b'{"entries": [' + b" " * 999_987
        for _ in range(self.size // 1_000_000):
            yield line


def test_memory_is_bounded_by_the_buffer(start_sandbox, open_client, tmp_path):
    sandbox = start_sandbox(source=BigFile(SIZE))
    job = open_client(sandbox).submit("calls", *DAY).wait()
    target = tmp_path / "big.json"
    tracemalloc.start()
    try:
        assert download(job, target) == SIZE
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert target.stat().st_size == SIZE
    assert peak < SIZE / 10


@pytest.mark.parametrize("fault", ["truncated:storage@*", "reset:storage@*"])
def test_a_half_file_is_no_file(start_sandbox, open_client, tmp_path, fault):
    target = tmp_path / "calls.json"
    target.write_text("as before")
    job = open_client(start_sandbox(faults=fault)).submit("calls", *DAY).wait()
    with pytest.raises(NetworkError):
        job.download(target)
    assert [path.name for path in tmp_path.iterdir()] == ["calls.json"]
    assert target.read_text() == "as before"


@pytest.mark.parametrize("format", ["csv", "json", "json_bulk"])
@pytest.mark.parametrize("fault", ["truncated:storage@1", "reset:storage@1"])
def test_a_report_read_as_it_arrives_is_read_again_when_it_breaks_off(
    start_sandbox, open_client, tmp_path, fault, format
):
    whole, broken = start_sandbox(), start_sandbox(faults=fault)
    more = {"format": format, "progress": False}
    expected = open_client(whole).report("calls", *DAY, **more)
    kept = tmp_path / "kept"
    found = open_client(broken).report("calls", *DAY, keep=kept, **more)
    assert_frame_equal(found, expected)
    assert found.attrs == expected.attrs
    assert [r.origin for r in broken.requests].count("storage") == 2
    (file,) = kept.iterdir()
    assert_frame_equal(read_report(file, "calls"), expected)


def test_of_a_report_that_never_arrives_nothing_is_kept(start_sandbox, open_client, tmp_path):
    client = open_client(start_sandbox(faults="truncated:storage@*"))
    with pytest.raises(NetworkError):
        client.report("calls", *DAY, keep=tmp_path, progress=False)
    assert not list(tmp_path.iterdir())


def test_an_expired_link_is_asked_for_again(start_sandbox, open_client, tmp_path):
    sandbox = start_sandbox(faults="expired-link:file@1")
    job = open_client(sandbox).submit("calls", *DAY).wait()
    assert job.download(tmp_path / "calls.json").stat().st_size > 1000
    assert [r.status for r in sandbox.requests if r.origin == "storage"] == [403, 200]


def test_a_packed_answer_is_unpacked(start_sandbox, open_client, tmp_path):
    plain = open_client(start_sandbox()).submit("calls", *DAY).wait()
    packed = open_client(start_sandbox(gzip=True)).submit("calls", *DAY).wait()
    one, two = plain.download(tmp_path / "1"), packed.download(tmp_path / "2")
    assert one.read_bytes() == two.read_bytes()


def test_a_place_that_cannot_be_written_is_named(start_sandbox, open_client, tmp_path):
    job = open_client(start_sandbox()).submit("calls", *DAY).wait()
    with pytest.raises(DownloadError, match="could not be written in") as caught:
        job.download(tmp_path)  # a folder stands there
    assert not caught.value.retryable
    assert not list(tmp_path.iterdir())


def test_a_blocked_read_is_cut(start_sandbox, open_client, tmp_path):
    from td_notebooks.sandbox.faults import FaultSettings

    sandbox = start_sandbox(
        faults="stall:storage@*", fault_settings=FaultSettings(stall_seconds=30)
    )
    job, switch = open_client(sandbox).submit("calls", *DAY).wait(), StopSwitch()
    timer = threading.Timer(0.5, switch.stop)
    timer.start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        download(job, tmp_path / "calls.json", stop=switch)
    assert time.monotonic() - began < 5
    assert not list(tmp_path.iterdir())
    with pytest.raises(Stopped):  # and stays cut
        download(job, tmp_path / "calls.json", stop=switch)


class NoBytes(BigFile):
    """A file of nothing."""

    def __init__(self):
        super().__init__(0)


def test_json_bulk_without_rows_has_no_bytes(start_sandbox, open_client, tmp_path):
    sandbox = start_sandbox(source=NoBytes())
    job = open_client(sandbox).submit("calls", *DAY, format="json_bulk").wait()
    assert job.download(tmp_path / "calls.jsonl").read_bytes() == b""
    assert sum(request.origin == "storage" for request in sandbox.requests) == 2  # asked twice
    assert (len(job.frame()), job.frame().shape[1]) == (0, len(schema("calls").columns))


@pytest.mark.parametrize("format", ["json", "csv"])
def test_other_formats_always_have_some(start_sandbox, open_client, tmp_path, format):
    job = open_client(start_sandbox(source=NoBytes())).submit("calls", *DAY, format=format).wait()
    with pytest.raises(DownloadError, match="no report came in its place"):
        job.download(tmp_path / "calls")
    assert not list(tmp_path.iterdir())


def test_one_empty_answer_is_an_accident(start_sandbox, open_client, tmp_path):
    sandbox = start_sandbox(faults="empty-body:storage@1")
    job = open_client(sandbox).submit("calls", *DAY, format="json_bulk").wait()
    assert job.download(tmp_path / "calls.jsonl").stat().st_size > 1000
