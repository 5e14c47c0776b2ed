"""Kinds of frames that cannot be had."""

from __future__ import annotations

import io

import pyarrow as pa
import pytest

import td_notebooks as td
from td_notebooks.errors import ConfigError
from td_notebooks.frames import read_report, to_pandas
from td_notebooks.reports.schemas import schema


class Unread:
    def read(self, size: int) -> bytes:
        raise AssertionError("read before the setting was looked at")


@pytest.mark.parametrize("name", ["arrow", "polars", "", "numpy", 5])
def test_a_kind_of_frame_that_does_not_exist_is_named(name):
    match = f"no dtype_backend {name!r}"
    with pytest.raises(ConfigError, match=match):
        to_pandas(pa.table({}), schema("feedback"), dtype_backend=name)
    with pytest.raises(ConfigError, match=match):
        read_report(Unread(), "feedback", dtype_backend=name)
    nowhere = "http://127.0.0.1:9"
    with (
        td.connect(
            account="a", client_id="i", client_secret="s", api_url=nowhere,
            token_url=f"{nowhere}/token",
        ) as client,
        pytest.raises(ConfigError, match=match),
    ):  # fmt: skip
        client.report("calls", "2026-08-01", "2026-08-02", progress=False, dtype_backend=name)


@pytest.mark.parametrize("name", [None, "numpy_nullable", "pyarrow"])
def test_kinds_of_frames_that_do_exist(name):
    assert len(read_report(io.BytesIO(b'{"entries":[]}'), "calls", dtype_backend=name)) == 0
