"""Personal data is replaced before it is kept, always by the same text, and never without a key."""

from __future__ import annotations

import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from td_notebooks.errors import ConfigError
from td_notebooks.pseudonyms import (
    KEY_VARIABLE,
    KINDS,
    Pseudonyms,
    find_key,
    key_path,
    parse_kinds,
    plainest,
)
from td_notebooks.reports import schemas
from td_notebooks.secret import Secret

KEY = Secret("k" * 64)


def treat(hashed: Pseudonyms, batch: pa.RecordBatch) -> pa.RecordBatch:
    return hashed("calls", batch)


def everything() -> Pseudonyms:
    return Pseudonyms(tuple(KINDS), KEY)


def test_the_same_value_has_the_same_pseudonym_in_every_report() -> None:
    hashed = Pseudonyms(("email", "phone"), KEY)
    calls = pa.record_batch(
        {
            "call_id": ["a", "b", "c", "d"],
            "contact_phone_number": ["+12025550101", None, "", "+12025550102"],
            "user_email": ["ana@example.com", "Ana@Example.com ", None, ""],
            "talk_time": [1, 2, 3, 4],
        }
    )
    contacts = pa.record_batch({"contact_person_number": ["+1 (202) 555-0101", "anonymous"]})
    once = treat(hashed, calls)
    assert once.drop_columns(["contact_phone_number", "user_email"]).equals(
        calls.drop_columns(["contact_phone_number", "user_email"])
    )
    numbers = once["contact_phone_number"].to_pylist()
    assert numbers[0].startswith("phone:") and len(numbers[0]) == 6 + 32
    assert numbers[1:3] == [None, ""] and numbers[3] not in (None, "", numbers[0])
    assert treat(hashed, contacts)["contact_person_number"][0].as_py() == numbers[0]
    addresses = once["user_email"].to_pylist()
    assert addresses[0] == addresses[1] and addresses[0].startswith("email:")
    assert treat(hashed, once).equals(once), "hashing twice changes nothing"


def test_the_digits_are_those_of_hmac_sha_256() -> None:
    # Computed with: printf 'phone\0+12025550101' | openssl dgst -sha256 -hmac kkk…
    said = subprocess.run(
        ["openssl", "dgst", "-sha256", "-hmac", "k" * 64],
        input=b"phone\0+12025550101",
        capture_output=True,
        check=True,
    ).stdout
    digits = said.split()[-1].decode()
    assert everything().of("phone", "+12025550101") == f"phone:{digits[:32]}"


def test_another_key_gives_other_pseudonyms_and_another_check() -> None:
    other = Pseudonyms(("phone",), Secret("x" * 64))
    mine = Pseudonyms(("phone",), KEY)
    assert other.of("phone", "+12025550101") != mine.of("phone", "+12025550101")
    assert other.check != mine.check == Pseudonyms(("email",), KEY).check
    assert "kkk" not in repr(mine)


def test_which_columns_are_meant() -> None:
    names = sorted(
        {c.name for t in schemas.report_types() for s in schemas.versions(t) for c in s.columns}
    )
    meant = everything().columns(names)
    # All that can hold a number, an address or a person's name, and nothing else.
    assert {name for name, kind in meant.items() if kind == "phone"} == {
        "company_number",
        "contact_person_channel_identifier",
        "contact_person_number",
        "contact_phone_number",
        "customer_phone_number",
        "destination_number",
        "external_phone_number",
        "origin_number",
        "talkdesk_phone_number",
        "touchpoint_identifier",
    }
    assert {name for name in names if name.endswith("_email")} <= {
        name for name, kind in meant.items() if kind == "email"
    }
    assert {name for name, kind in meant.items() if kind == "name"} == {
        "agent",
        "agent_name",
        "contact_person_name",
        "direct_assignment_user",
        "evaluator_name",
        "generator_name",
        "handling_agent",
        "handling_user_name",
        "user_name",
    }
    assert not meant.keys() & {"team_name", "flow_name", "call_id", "user_id", "ring_groups"}
    # Columns that nobody documented yet are treated as well.
    assert everything().columns(["callback_phone", "manager_email", "surprise"]) == {
        "callback_phone": "phone",
        "manager_email": "email",
    }
    assert Pseudonyms(("disposition_code", "user_email"), KEY).columns(names) == {
        "disposition_code": "text",
        "user_email": "email",
    }


def test_a_channel_identifier_is_what_it_looks_like() -> None:
    hashed = Pseudonyms(("email", "phone"), KEY)
    table = treat(
        hashed,
        pa.record_batch({"contact_person_channel_identifier": ["a@b.example", "+12025550101"]}),
    )
    assert table.column(0).to_pylist() == [
        hashed.of("email", "a@b.example"),
        hashed.of("phone", "+12025550101"),
    ]


def test_all_kinds_of_arrow_text_and_lists() -> None:
    hashed = Pseudonyms(("ip", "name"), KEY)
    table = pa.record_batch(
        {
            "user_name": pa.array(["Ana", "Rui", "Ana"]).dictionary_encode(),
            "agent_name": pa.array(["Ana", None, "Rui"], pa.large_string()),
            "ip_addresses": pa.array([["192.0.2.1", None], None, []]),
        }
    )
    after = treat(hashed, table)
    ana, rui = hashed.of("name", "Ana"), hashed.of("name", "Rui")
    assert after["user_name"].to_pylist() == [ana, rui, ana]
    assert after["agent_name"].to_pylist() == [ana, None, rui]
    assert after["ip_addresses"].to_pylist() == [[hashed.of("ip", "192.0.2.1"), None], None, []]
    assert after.schema == treat(hashed, table.slice(1, 1)).schema
    assert treat(hashed, table.slice(0, 0)).num_rows == 0


@pytest.mark.parametrize("text", ["00 1 202", "007", "anonymous", "sip:x@y", "+"])
def test_spellings_of_what_may_be_no_number(text: str) -> None:
    assert plainest("phone", text) == (text.replace(" ", "") if text[0] == "0" else text)


def test_kinds_are_read_and_mistakes_explained() -> None:
    assert parse_kinds("phone, email") == ("email", "phone")
    assert parse_kinds("disposition_code") == ("disposition_code",)
    with pytest.raises(ConfigError, match=r"'fone' is neither a kind .* phone, email"):
        parse_kinds("fone,email")
    with pytest.raises(ConfigError, match="Nothing is named"):
        parse_kinds(" ,")


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    first = find_key()
    assert key_path().exists() and len(first.reveal()) == 64
    assert stat.S_IMODE(key_path().stat().st_mode) == 0o600
    assert find_key() == first
    assert [path.name for path in key_path().parent.iterdir()] == ["pseudonym.key"]
    assert find_key(tmp_path / "own.key") != first


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.key"
    find_key(path)
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        find_key(path)


def test_a_key_in_the_lake_or_too_short_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="lies in the lake"):
        find_key(tmp_path / "lake" / "keys" / "own.key", outside=tmp_path / "lake")
    assert not (tmp_path / "lake").exists()
    monkeypatch.setenv(KEY_VARIABLE, "short")
    with pytest.raises(ConfigError, match="shorter than 32 characters"):
        find_key()
    monkeypatch.setenv(KEY_VARIABLE, "s" * 32)
    assert find_key() == Secret("s" * 32)
    assert not key_path().exists()


def test_a_key_is_looked_for_again_in_other_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for hashed in (Pseudonyms.find(("phone",)), Pseudonyms.find(("ip",), tmp_path / "own.key")):
        sent = pickle.dumps(hashed)
        assert hashed.key.reveal().encode() not in sent
        assert pickle.loads(sent) == hashed
    sent = pickle.dumps(Pseudonyms.find(("phone",)))
    monkeypatch.setenv(KEY_VARIABLE, "other" * 10)
    with pytest.raises(ConfigError, match="not the one that the work was started with"):
        pickle.loads(sent)


def test_processes_that_start_together_agree_on_the_key(tmp_path: Path) -> None:
    code = "from td_notebooks.pseudonyms import *; print(Pseudonyms((), find_key()).check)"
    env = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "shared")}
    started = [
        subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert len({process.communicate(timeout=60)[0] for process in started}) == 1


def test_what_a_file_held_wrongly_is_not_quoted_in_logs() -> None:
    from td_notebooks.frames import Drift
    from td_notebooks.lake.window import _told

    drift = Drift(("extra",), (), {"talk_time": (2, ("+12025550101",))})
    assert "+12025550101" in _told(drift, hide=False)
    hidden = _told(drift, hide=True)
    assert "+1202" not in hidden and "2 values of talk_time" in hidden and "extra" in hidden
    assert _told(Drift(), hide=True) == ""
