"""One table: windows replaced as a whole, rows checked, the log that survives, readers beside."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from windows_by_hand import body_of, day, file_of, filled, message, put, staged

from td_notebooks.errors import ConfigError, DownloadError, LakeError, SchemaError
from td_notebooks.lake import Lake
from td_notebooks.lake.care import over
from td_notebooks.lake.place import Place
from td_notebooks.lake.stage import stage
from td_notebooks.lake.table import Table

TYPE = "messaging_traffic"


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


def rows_in(lake, columns="message_id"):
    found = lake.sql(f"SELECT {columns} FROM {TYPE} ORDER BY ALL")
    return [tuple(row) for row in found.itertuples(index=False)]


def ids(*numbers):
    return [(f"{number:032x}",) for number in sorted(numbers)]


def test_a_window_is_replaced_and_nothing_else(lake, tmp_path):
    table = lake.table(TYPE)
    month = [message(n, day(n + 0.5)) for n in range(1, 31)]
    assert put(table, tmp_path / "w", month, day(1), day(31)) == "replaced"
    assert put(table, tmp_path / "w", month, day(1), day(31)) == "unchanged"
    changed = [message(10, day(10.5), text="changed"), message(99, day(10.9))]
    assert put(table, tmp_path / "w", changed, day(10), day(11)) == "replaced"
    assert rows_in(lake) == ids(*range(1, 31), 99)
    assert put(table, tmp_path / "w", [], day(20), day(25)) == "replaced"
    assert rows_in(lake) == ids(*range(1, 20), *range(25, 31), 99)
    history = lake.history()
    assert list(history.rows) == [0, 2, 30] and history.start[0] == day(20)


def test_any_sequence_of_windows_is_what_a_simple_model_says(lake, tmp_path):
    chance, truth = random.Random(7), {}
    table = lake.table(TYPE)
    for turn in range(25):
        account = chance.choice(["acme", "other"])
        start = day(chance.randint(1, 60))
        end = start + timedelta(days=chance.randint(1, 10))
        length = (end - start) / timedelta(seconds=1)
        rows = [
            message(
                turn * 100 + n,
                (start + timedelta(seconds=chance.randrange(int(length)))),
                **({f"extra_{turn % 3}": str(turn)} if turn > 8 else {}),
            )
            for n in range(chance.choice([0, 1, 7]))
        ]
        assert put(table, tmp_path / "w", rows, start, end, account=account) == "replaced"
        truth = {
            key: row
            for key, row in truth.items()
            if key[0] != account
            or not f"{start:%F %T}" <= row["message_created_at"] < f"{end:%F %T}"
        }
        truth |= {(account, row["message_id"]): row for row in rows}
        if turn == 14:
            lake.tend(TYPE)
    found = lake.sql(f"SELECT * FROM {TYPE}")
    assert sorted(zip(found.td_account, found.message_id, strict=True)) == sorted(truth)
    for row in found.itertuples():
        told = truth[row.td_account, row.message_id]
        assert f"{row.message_created_at:%F %T}" == told["message_created_at"]
        for n in range(3):
            value = getattr(row, f"extra_{n}")
            assert told.get(f"extra_{n}") == (value if isinstance(value, str) else None)


def test_rows_without_a_time_are_replaced_with_their_window(lake, tmp_path):
    table = lake.table(TYPE)
    put(table, tmp_path / "w", [message(4, None)], day(4), day(5))
    for text in "ab":
        rows = [message(1, None, text=text), message(2, day(3)), message(3, day(4.01))]
        assert put(table, tmp_path / "w", rows, day(2), day(4)) == "replaced"  # 3 is astray
        assert rows_in(lake) == ids(1, 2, 3, 4)
    assert list(lake.history().untimed) == [1, 1, 1] and list(lake.history().astray) == [1, 1, 0]
    # a part of it would leave the untimed row, or take it: it is not replaced at all
    assert put(table, tmp_path / "w", [message(1, None)], day(3), day(4)) == "superseded"
    assert rows_in(lake) == ids(1, 2, 3, 4)
    assert put(table, tmp_path / "w", [message(5, day(3))], day(1), day(6)) == "replaced"
    assert rows_in(lake) == ids(5)


def test_a_file_of_another_window_is_refused(tmp_path):
    rows = [message(1, day(20)), message(2, day(21))]
    with pytest.raises(DownloadError, match="another window"):
        staged(tmp_path / "w", rows, day(2), day(4))


def test_a_file_with_rows_missing_is_refused(tmp_path):
    data = file_of([message(1, day(2))], total=2)
    with pytest.raises(DownloadError, match="2 rows and brought 1"):
        stage(body_of(data), tmp_path, TYPE, start=day(2), end=day(3))


def test_equal_rows_are_kept_once_and_of_different_ones_the_latest(tmp_path):
    rows = [
        message(1, day(2.1)),
        message(2, day(2.2)),
        message(1, day(2.1)),  # a page that came twice
        message(2, day(2.3), text="later"),
        message(2, day(2.2), text="earlier, but further down"),
    ]
    found = staged(tmp_path / "w", rows, day(2), day(3))
    assert (found.rows, found.duplicates, found.conflicts) == (2, 1, 2)
    import pyarrow.parquet as pq

    (file,) = found.files
    kept = pq.read_table(file.path).to_pylist()
    assert [(row["td_row"], row["text"]) for row in kept] == [(2, None), (3, "later")]


def test_rows_of_a_compound_key_that_differ_are_all_kept(tmp_path):
    start = "2026-08-02 10:00:00"
    rows = [
        filled("talk_time_data", agent_id="a", started_at=start, ring_groups=group)
        for group in ("x", "y", "x")
    ]
    found = staged(tmp_path / "w", rows, day(2), day(3), "talk_time_data")
    assert (found.rows, found.duplicates, found.conflicts) == (2, 1, 1)


def test_older_rows_do_not_take_the_place_of_newer_ones(lake, tmp_path):
    table = lake.table(TYPE)
    put(table, tmp_path / "w", [message(1, day(2), text="new")], day(2), day(3), asked_at=day(9))
    old = [message(1, day(2), text="old")]
    done = put(table, tmp_path / "w", old, day(2), day(3), asked_at=day(8))
    assert done == "superseded" and rows_in(lake, "text") == [("new",)]


def test_a_column_that_changes_its_type_changes_nothing(lake, tmp_path, monkeypatch):
    import pyarrow as pa

    table = lake.table(TYPE)
    put(table, tmp_path / "w", [message(1, day(2), text="a")], day(2), day(3))
    found = staged(tmp_path / "w", [message(2, day(2), text="b")], day(2), day(3))
    at = found.arrow_schema.get_field_index("text")
    object.__setattr__(
        found, "arrow_schema", found.arrow_schema.set(at, pa.field("text", pa.int64()))
    )
    from td_notebooks.lake.replace import _new_columns

    with pytest.raises(SchemaError, match="text"):
        _new_columns(table, table.snapshot(), found.arrow_schema)


def test_a_report_may_have_columns_called_like_the_tables_own(lake, tmp_path):
    table, names = lake.table(TYPE), ("td_time", "td_row", "td_account", "td_month")
    put(table, tmp_path / "w", [message(1, day(2))], day(2), day(3))
    theirs = dict.fromkeys(names, "theirs")
    rows = [message(2, day(3), **theirs), message(2, day(3), **theirs), message(3, day(3.5))]
    assert put(table, tmp_path / "w", rows, day(3), day(4)) == "replaced"
    assert rows_in(lake, "message_id, td_time_2, td_row_2, td_account_2, td_month_2")[1] == (
        f"{2:032x}",
        *theirs.values(),
    )
    assert rows_in(lake, "td_account, td_month, td_time") == [
        ("acme", "2026-08", at) for at in (day(2), day(3), day(3.5))
    ]
    frame = lake.frame(TYPE, day(3), day(4))
    assert set(frame.td_time_2.dropna()) == {"theirs"} and not set(names) & set(frame.columns)


def test_only_its_owner_reads_it_and_git_leaves_it_alone(lake, tmp_path):
    for number in range(30):  # a checkpoint is among them
        put(lake.table(TYPE), tmp_path / "w", [message(number, day(2))], day(2), day(3))
    lake.tend()
    found = [path for path in (tmp_path / "lake").rglob("*")]
    assert any("checkpoint" in path.name for path in found)
    assert not [path for path in found if stat.S_IMODE(path.stat().st_mode) & 0o077]
    assert not (tmp_path / "lake").stat().st_mode & 0o077
    assert "*" in (tmp_path / "lake" / ".gitignore").read_text().splitlines()


def test_what_is_there_is_known_after_vacuum_checkpoint_and_loss_of_the_log(
    lake, tmp_path, monkeypatch
):
    from td_notebooks.lake import care

    table = lake.table(TYPE)
    for number in range(1, 29):
        put(table, tmp_path / "w", [message(number, day(number))], day(number), day(number + 1))
    known = table.ledger().complete("acme")
    table.sum_up(day(1, 12) + timedelta(days=200), 10)
    lake.tend()
    log = tmp_path / "lake" / TYPE / "_delta_log"
    fresh = Lake(tmp_path / "lake")
    assert len(fresh.history()) == 28
    # Another program may shorten the log to its last checkpoint.
    checkpoint = max(int(path.name[:20]) for path in log.glob("*.checkpoint.parquet"))
    fresh.table(TYPE).snapshot().create_checkpoint()
    for path in log.glob("*.json"):
        if path.name[:20].isdecimal() and int(path.name[:20]) < checkpoint:
            path.unlink()
    left = Lake(tmp_path / "lake")
    assert left.table(TYPE).ledger().complete("acme") == known == [(day(1), day(29))]
    assert left.sql(f"SELECT count(*) AS n FROM {TYPE}").n[0] == 28
    assert 0 < len(left.history()) < 28
    assert timedelta(days=7) == care.KEEP


def test_months_that_are_over_are_compacted_and_old_files_removed(lake, tmp_path):
    table = lake.table(TYPE)
    for number in range(1, 8):
        put(table, tmp_path / "w", [message(number, day(number))], day(number), day(number + 1))
    (tended,) = lake.tend()
    assert (tended.compacted, tended.removed) == (1, 0)  # the old files stay for a week
    assert sum(table.partitions().values()) == 1
    assert rows_in(lake) == ids(*range(1, 8))
    put(table, tmp_path / "w", [message(50, day(3))], day(3), day(4))
    assert rows_in(lake) == ids(1, 2, 4, 5, 6, 7, 50)
    assert over("2026-08", day(8, 9)) and not over("2026-08", day(7, 9))
    with pytest.raises(Exception, match="hour at least"):
        lake.tend(keep="1min")


def test_threads_and_tables_commit_at_once_and_lose_nothing(tmp_path):
    def work(number):
        table = Table(Lake(tmp_path / "lake").place, TYPE)  # as if in a process of its own
        for turn in range(4):
            at = day(1 + number * 4 + turn)
            put(
                table,
                tmp_path / f"w{number}",
                [message(number * 4 + turn, at)],
                at,
                at + timedelta(1),
            )

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rows_in(Lake(tmp_path / "lake")) == ids(*range(20))
    assert len(Lake(tmp_path / "lake").history()) == 20


def test_without_turns_conflicts_are_tried_again(tmp_path, monkeypatch):
    monkeypatch.setattr(Place, "turn", lambda self, name: contextlib.nullcontext())
    test_threads_and_tables_commit_at_once_and_lose_nothing(tmp_path)


@pytest.mark.parametrize("path", ["", " ", "a%20b/lake", "%2e%2E"])
def test_a_lake_lies_nowhere_else_than_was_said(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"path of the lake is empty|Choose a folder without"):
        Lake(path)


@pytest.mark.parametrize("name", ["my lake", "100% ä#b?c", "a+b&c;d=e"])
def test_a_lake_may_be_called_as_one_likes(name, tmp_path):
    lake = Lake(tmp_path / name)
    put(lake.table(TYPE), tmp_path / "w", [message(1, day(2))], day(2), day(3))
    assert rows_in(lake) == ids(1) and set(tmp_path.iterdir()) == {tmp_path / "w", tmp_path / name}
    (file,) = lake.files(TYPE)
    assert Path(file).is_relative_to(tmp_path / name) and Path(file).exists()


def test_what_a_full_disk_left_of_the_gitignore_is_mended(tmp_path):
    ignore = tmp_path / "lake" / ".gitignore"
    ignore.parent.mkdir()
    ignore.touch()
    ignore.chmod(0o644)
    Place.of(tmp_path / "lake").make()
    assert "*" in ignore.read_text().splitlines()
    assert stat.S_IMODE(ignore.stat().st_mode) == 0o600
    ignore.write_text("!kept.txt\n")  # its owner's own
    Place.of(tmp_path / "lake").make()
    assert ignore.read_text() == "!kept.txt\n"


def test_many_may_make_the_same_lake_at_once(tmp_path):
    together = threading.Barrier(8)

    def make(path):
        together.wait()
        Place.of(path).make()

    with ThreadPoolExecutor(8) as pool:
        for number in range(50):
            list(pool.map(make, [tmp_path / "new" / str(number)] * 8))


def test_an_object_store_has_the_same_table(tmp_path):
    lake = Lake(f"file://{tmp_path}/lake", storage_options={"timeout": "30s"})
    (tmp_path / "lake").mkdir()
    table = lake.table(TYPE)
    month = [message(n, day(n + 0.5)) for n in range(1, 31)]
    put(table, tmp_path / "w", month, day(1), day(31))
    put(table, tmp_path / "w", [message(50, day(3.5))], day(3), day(4))
    assert rows_in(lake) == ids(1, 2, *range(4, 31), 50)
    assert "30s" not in repr(lake.place)
    assert lake.frame(TYPE, "2026-08-03", "2026-08-04").message_id.tolist() == [f"{50:032x}"]


@pytest.mark.parametrize("address", ["{}", "file://{}"])
@pytest.mark.parametrize("windows", [1, 3, 6])  # fewer, as many, and more than there were
def test_a_table_made_anew_is_not_taken_for_the_one_before(tmp_path, address, windows):
    (tmp_path / "lake").mkdir()
    place = address.format(tmp_path / "lake")
    lake = Lake(place)

    def fill(lake, first, count):
        for number in range(first, first + count):
            rows = [message(number, day(number))]
            put(lake.table(TYPE), tmp_path / "w", rows, day(number), day(number + 1))

    fill(lake, 1, 3)
    before = lake.table(TYPE).identity()
    (tmp_path / "lake" / TYPE).rename(tmp_path / "away")
    fill(Lake(place), 11, windows)
    assert lake.table(TYPE).identity() not in (None, before)
    assert lake.table(TYPE).ledger().complete("acme") == [(day(11), day(11 + windows))]
    fill(lake, 1, 1)
    for found in (lake, Lake(place)):
        assert rows_in(found) == ids(1, *range(11, 11 + windows))
        assert len(found.gaps(since=day(1), until=day(2))) == 0
    shutil.rmtree(tmp_path / "lake" / TYPE)
    assert lake.table(TYPE).identity() is None and lake.table(TYPE).ledger().entries == ()


def test_a_folder_that_is_no_table_is_an_error(lake, tmp_path):
    put(lake.table(TYPE), tmp_path / "w", [message(1, day(2))], day(2), day(3))
    log = tmp_path / "lake" / TYPE / "_delta_log"
    (log / f"{0:020}.json").write_text("{")
    with pytest.raises(LakeError, match="messaging_traffic"):
        Lake(tmp_path / "lake").sql(f"SELECT * FROM {TYPE}")
    shutil.rmtree(log)
    assert Lake(tmp_path / "lake").tables == []


@pytest.mark.no_cover
def test_statistics_tell_nothing_of_the_rows_but_their_time(lake, tmp_path):
    put(lake.table(TYPE), tmp_path / "w", [message(1, day(2), text="Secret")], day(2), day(3))
    log = (tmp_path / "lake" / TYPE / "_delta_log" / f"{1:020}.json").read_text()
    assert "Secret" not in log
    (added,) = [json.loads(line)["add"] for line in log.splitlines() if '"add"' in line]
    assert json.loads(added["stats"])["minValues"] == {"td_time": "2026-08-02T00:00:00.000Z"}
