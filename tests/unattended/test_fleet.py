"""Forty accounts in four regions, three of them broken: the others are complete, all is told."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from td_notebooks.lake import Lake
from td_notebooks.sandbox import CentreSettings, Sandbox, SandboxClock

ACCOUNTS = 40
REGIONS = ("us", "eu", "ca", "au")
ZONES = ("America/New_York", "Europe/Lisbon", "America/Toronto", "Australia/Sydney")
WRONG_SECRET, NO_SCOPE, OPEN_TO_ALL = 7, 18, 29
BROKEN = {f"account-{number:02}": number for number in (WRONG_SECRET, NO_SCOPE, OPEN_TO_ALL)}


@pytest.fixture
def places() -> Iterator[list[Sandbox]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                Sandbox(
                    clock=SandboxClock(),
                    job_seconds=0,
                    account=f"account-{number:02}",
                    centre=CentreSettings(
                        seed=number, calls_per_day=20, agents=1, timezone=ZONES[number % 4]
                    ),
                )
            )
            for number in range(ACCOUNTS)
        ]


def listed(places: list[Sandbox], folder: Path) -> Path:
    """Write the file of accounts, and a credentials file for each."""
    entries = []
    for number, place in enumerate(places):
        client = place.add_client(scopes=["account:read"]) if number == NO_SCOPE else place.client
        secret = "wrong" if number == WRONG_SECRET else client.client_secret
        file = folder / f".env-{number}.json"
        file.write_text(json.dumps({"id": client.client_id, "secret": secret}))
        file.chmod(0o644 if number == OPEN_TO_ALL else 0o600)
        entries.append(
            f"""
            [[accounts]]
            account = "{place.account}"
            region = "{REGIONS[number % 4]}"
            zone = "{ZONES[number % 4]}"
            credentials_file = "{file.name}"
            api_url = "{place.api_url}"
            token_url = "{place.token_url}"
            """
        )
    path = folder / "accounts.toml"
    path.write_text("\n".join(entries))
    return path


def test_forty_accounts_three_of_them_broken(places: list[Sandbox], tmp_path: Path) -> None:
    accounts = listed(places, tmp_path)
    began = datetime.now(UTC)
    command = [
        *(sys.executable, "-m", "td_notebooks", "sync", "user_status", "--into", "lake"),
        *("--since", "1d", "--lookback", "1d", "--accounts", str(accounts)),
        *("--summary", "summary.json", "--log-format", "json", "--quiet"),
    ]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 1, run.stderr

    summary = json.loads(Path("summary.json").read_text())
    assert (summary["status"], summary["exit_code"]) == ("partial", 1)
    told = {account["name"]: account for account in summary["accounts"]}
    assert len(told) == ACCOUNTS
    assert {name for name, account in told.items() if account["status"] != "done"} == set(BROKEN)
    for account, region in zip(told.values(), REGIONS * 10, strict=True):
        assert account["region"] == region or account["name"] in BROKEN
    errors = {number: told[name]["error"] for name, number in BROKEN.items()}
    assert errors[WRONG_SECRET]["kind"] == "TokenError"
    assert errors[NO_SCOPE]["kind"] in ("TokenError", "ForbiddenError")
    assert "scope" in errors[NO_SCOPE]["message"]
    assert errors[OPEN_TO_ALL]["kind"] == "ConfigError"
    assert "chmod 600" in errors[OPEN_TO_ALL]["hint"]
    # The log names them too, in lines of JSON.
    lines = [json.loads(line) for line in run.stderr.splitlines()]
    assert all({"time", "level", "message"} <= set(line) for line in lines)
    shouted = [line["message"].split(":")[0] for line in lines if line["level"] == "error"]
    assert sorted(shouted) == sorted(BROKEN)

    # The others are complete, each with its own rows, in days of its own zone.
    lake = Lake("lake")
    for number, place in enumerate(places):
        if place.account in BROKEN:
            assert place.account not in lake.table("user_status").ledger().accounts
            continue
        start = datetime.fromisoformat(told[place.account]["asked_from"]["user_status"])
        assert timedelta(days=1) <= began - start < timedelta(days=2, hours=1)
        until = began - timedelta(minutes=1)
        truth = place.truth("user_status", start, until)
        held = lake.arrow(
            "user_status", start, until, account=place.account, columns=["user_id", "status_end_at"]
        )
        assert sorted(row["status_end_at"] for row in held.read_all().to_pylist()) == sorted(
            row["status_end_at"] for row in truth
        )
        assert truth, number
    modes = {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in Path("lake").rglob("*")}
    assert modes == {0}, "for the owner only"
    secrets = {place.client_secret for place in places}
    assert not any(secret in run.stdout + run.stderr for secret in secrets)
    assert not any(secret in Path("summary.json").read_text() for secret in secrets)
