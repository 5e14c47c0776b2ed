"""Reports are read as always while a profiler keeps what it saw, as Dask's workers have one."""

from __future__ import annotations

import io
import sys
import threading

import pytest

from td_notebooks.frames import read_batches

ROWS = 200_000  # pieces of a JSON report have 8 MB
NOTE = 'a "note",\nof two lines'


def as_csv():
    quoted = '"' + NOTE.replace('"', '""') + '"'
    rows = "".join(f"7c{number},{quoted},{number}\r\n" for number in range(ROWS))
    return f"call_id,a_note,talk_time\r\n{rows}"


def as_json():
    note = '"' + NOTE.replace('"', '\\"').replace("\n", "\\n") + '"'
    rows = ",".join(
        f'{{"call_id":"7c{number}","a_note":{note},"talk_time":{number}}}' for number in range(ROWS)
    )
    return f'{{"total":{ROWS},"entries":[{rows}]}}'


@pytest.mark.parametrize("report", [as_csv(), as_json()], ids=["csv", "json"])
@pytest.mark.parametrize("source", [io.BytesIO, "only read"])
def test_frames_that_are_kept_disturb_nothing(report, source):
    kept = []

    def keep(frame, event, arg):
        if event == "call":
            kept.append(frame)

    class OnlyRead:
        def __init__(self, data):
            self._data = io.BytesIO(data)

        def read(self, size):
            return self._data.read(min(size, 100_000))

    file = (OnlyRead if source == "only read" else source)(report.encode())
    threading.setprofile(keep)
    sys.setprofile(keep)
    try:
        batches = list(read_batches(file, "feedback", block=1 << 17))
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    assert sum(batch.num_rows for batch in batches) == ROWS
    assert {note for batch in batches for note in batch.column("a_note").to_pylist()} == {NOTE}
    assert {frame.f_code.co_name for frame in kept} >= {"fill", "use", "_next"}
