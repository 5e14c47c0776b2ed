"""Where one machine is not enough: Dask runs the same sync, Dask and Spark read the same table."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from td_notebooks.fleet import AccountEntry, Task, read_accounts, sync_accounts
from td_notebooks.front_door import connect
from td_notebooks.lake import Lake, Place
from td_notebooks.pseudonyms import KEY_VARIABLE, Pseudonyms
from td_notebooks.sandbox import CentreSettings, Sandbox, SandboxClock

SPAN = {"since": "2026-05-20", "until": "2026-07-03"}
COUNTS = (
    "SELECT td_account, td_month, count(*) AS calls, CAST(sum(talk_time) AS BIGINT) AS talk "
    "FROM calls GROUP BY ALL ORDER BY ALL"
)


@pytest.fixture(scope="module")
def place() -> Iterator[Sandbox]:
    centre = CentreSettings(calls_per_day=20, agents=3)
    with Sandbox(clock=SandboxClock(), centre=centre, job_seconds=0) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def cluster(place: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Start two workers, processes of their own, that find the account's secret themselves."""
    from distributed import Client, LocalCluster

    before = dict(os.environ)
    os.environ.update(place.environment, **{KEY_VARIABLE: "key" * 20})
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=None,
            local_directory=str(tmp_path_factory.mktemp("dask")),
        ) as here,
        Client(here) as client,
    ):
        yield client
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def settings(place: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)


def contents(path: str, report_type: str) -> Any:
    frame = Lake(path).sql(f"SELECT * FROM {report_type} ORDER BY td_time, td_row")
    return frame[sorted(frame.columns)]


def test_two_workers_of_dask_do_the_same_as_threads(cluster: Any, settings: None) -> None:
    with connect() as client:
        here = client.lake("here").sync("calls", "user_status", **SPAN)
        there = client.lake("there").sync(
            "calls", "user_status", **SPAN, executor=cluster.get_executor()
        )
    assert here.complete and there.complete and here.rows == there.rows > 1000
    for report_type in ("calls", "user_status"):
        assert contents("here", report_type).equals(contents("there", report_type))


def test_any_executor_will_do(settings: None) -> None:
    with connect() as client, ThreadPoolExecutor(2) as pool:
        assert client.lake("there").sync("calls", **SPAN, executor=pool).complete


def test_dask_runs_accounts_and_keeps_pseudonyms(
    cluster: Any, place: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "key" * 20)
    file = tmp_path / ".env-sandbox.json"
    file.write_text(json.dumps({"id": place.client_id, "secret": place.client_secret}))
    file.chmod(0o600)
    entry = (
        'credentials_file = ".env-sandbox.json"\n'
        f'region = "eu"\napi_url = "{place.api_url}"\ntoken_url = "{place.token_url}"\n'
    )
    accounts = tmp_path / "accounts.toml"
    accounts.write_text(
        "".join(f'[[accounts]]\naccount = "{name}"\n{entry}' for name in ("one", "two"))
        + '[[accounts]]\naccount = "three"\ncredentials_file = "none.json"\n'
    )
    task = Task(
        Place.of(tmp_path / "lake"),
        ("calls",),
        since="2026-06-01",
        until="2026-06-15",
        transform=Pseudonyms.find(("phone",)),
    )
    members: tuple[AccountEntry, ...] = read_accounts(accounts)
    runs = sync_accounts(members, task, executor=cluster.get_executor())
    assert [run.status for run in runs] == ["done", "done", "failed"]
    assert "none.json" in str(runs[2].error)
    counted = Lake(tmp_path / "lake").sql(
        "SELECT td_account, count(*) AS n, bool_and(contact_phone_number LIKE 'phone:%') AS hidden "
        "FROM calls GROUP BY ALL ORDER BY ALL"
    )
    assert list(counted.td_account) == ["one", "two"] and counted.hidden.all()
    assert counted.n.nunique() == 1 and counted.n[0] == runs[0].rows > 100


@pytest.fixture
def lake(settings: None, place: Sandbox) -> Lake:
    """Fill a lake in which a column appears half-way."""
    with connect() as client:
        lake = client.lake("lake")
        lake.sync("calls", since="2026-05-20", until="2026-06-10")
        place.changes.add_column("calls", "brand_new")
        lake.sync("calls", **SPAN, lookback="10d")
    return Lake("lake")


def expected(lake: Lake) -> list[tuple[Any, ...]]:
    found = [tuple(row) for row in lake.sql(COUNTS).itertuples(index=False)]
    assert [row[1] for row in found] == ["2026-05", "2026-06", "2026-07"]
    return found


def test_dask_reads_the_table(lake: Lake) -> None:
    import dask.dataframe as dd

    with warnings.catch_warnings():
        # Of Dask itself, about what pandas and pyarrow are going to change.
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        calls = dd.read_parquet(
            lake.files("calls"), columns=["td_account", "td_month", "talk_time"]
        )
        summed = calls.groupby(["td_account", "td_month"], observed=True).talk_time
        counts, talk = summed.size().compute(), summed.sum().compute()
    found = sorted((*key, int(counts[key]), int(talk[key])) for key in counts.index)
    assert found == expected(lake)


@pytest.mark.skipif(shutil.which("java") is None, reason="PySpark needs Java, which is not here")
def test_spark_reads_the_table(lake: Lake, tmp_path: Path) -> None:
    # In a process of its own: Spark starts a Java machine that ends with it.
    script = f"""
import json, sys
from pyspark.sql import SparkSession

spark = (
    SparkSession.builder.master("local[1]")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.sql.shuffle.partitions", "1")
    .config("spark.sql.adaptive.enabled", "false")
    .config("spark.sql.codegen.wholeStage", "false")
    .config("spark.driver.memory", "512m")
    .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
    .getOrCreate()
)
files, folder = json.loads(sys.stdin.read())
calls = spark.read.option("basePath", folder).option("mergeSchema", "true").parquet(*files)
calls.createOrReplaceTempView("calls")
print(json.dumps([list(row) for row in spark.sql({COUNTS!r}).collect()]))
spark.stop()
"""
    files = lake.files("calls"), lake.place.table("calls")
    run = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps(files),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"},
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert [tuple(row) for row in json.loads(run.stdout)] == expected(lake)
