"""``td-notebooks week``: one file, from Talkdesk or from a lake."""

import pytest

from td_notebooks.cli.options import open_client

WEEK = ("--week", "2026-08-05", "--zone", "Europe/Lisbon")


def test_a_page_from_talkdesk(place, cli, tmp_path):
    code, out, err = cli("week", *WEEK, "-o", "page.html", "-q")
    assert (code, out) == (0, "")
    assert err == ""
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "Week 32: 3 to 9 August 2026" in page and f"Account {place.account}" in page
    assert "Occupancy" in page and page.count("<svg") == 4
    assert not [secret for secret in place.secrets if secret in page]
    # The folder is matplotlib's, if it is this process's first picture.
    assert {path.name for path in tmp_path.iterdir()} - {"config"} == {"page.html"}


def test_a_page_from_a_lake(place, cli, tmp_path):
    with open_client() as client:
        lake = client.lake("lake")
        lake.sync("calls", since="2026-07-27", until="2026-08-10", timezone="Europe/Lisbon")
    place.requests.clear()
    code, out, err = cli("week", *WEEK, "--lake", "lake")
    assert (code, out) == (0, "")
    assert "contacts is not in the lake" in err and "user_status is not" in err
    assert err.endswith("week.html: the week of 2026-08-03 to 2026-08-10\n")
    page = (tmp_path / "week.html").read_text(encoding="utf-8")
    assert "By ring group" in page and "Occupancy" not in page
    assert not place.requests


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--week", "soon"], "'soon', which is no date"),
        (["--zone", "Lisbon"], "Unknown time zone 'Lisbon'"),
        (["-o", "nowhere/page.html"], "there is no folder nowhere"),
        (["--lake", "lake", "--sandbox"], "not from both"),
        (["--target", "80"], "--target"),
    ],
)
def test_wrong_input_is_one_sentence(place, cli, arguments, said):
    code, out, err = cli("week", *arguments)
    assert (code, out) == (2, "") and said in err
    assert not place.requests


def test_a_lake_that_is_not_there(cli):
    code, _, err = cli("week", *WEEK, "--lake", "nowhere")
    assert code == 1 and "nowhere" in err and "Traceback" not in err
