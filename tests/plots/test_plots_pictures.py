"""Each picture looks as its reference does, says what it says, and leaves no trace."""

from __future__ import annotations

import json
import sys
import warnings

import matplotlib
import pandas as pd
import plot_cases as cases
import pyarrow as pa
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import same_color
from matplotlib.figure import Figure
from plot_cases import CASES, REFERENCES, ZONE

from td_notebooks import plots
from td_notebooks.errors import ConfigError, SchemaError

TOLERANCE = 0.008
WORDS = json.loads((REFERENCES / "words.json").read_text(encoding="utf-8"))

# What may have nothing in it: each picture of the same frame without rows.
EMPTY = {
    "heatmap": lambda **more: plots.heatmap(cases.table().slice(0, 0), **more),
    "heatmap of a measure": lambda **more: plots.heatmap(cases.table().slice(0, 16), **more),
    "service_level": lambda **more: plots.service_level(cases.by_day().slice(0, 0), **more),
    "service_level of closed days": lambda **more: plots.service_level(
        cases.by_day().slice(6), **more
    ),
    "waits": lambda **more: plots.waits(cases.calls().slice(0, 0), **more),
    "timeline": lambda **more: plots.timeline(cases.statuses().slice(0, 0), **more),
    "timeline of one offline": lambda **more: plots.timeline(cases.statuses().slice(0, 1), **more),
    "staffing": lambda **more: plots.staffing(cases.one_day().slice(0, 0), **more),
    "staffing with nobody": lambda **more: plots.staffing(
        cases.one_day().slice(0, 0), cases.statuses().slice(0, 0), **more
    ),
}
ONE = {
    "heatmap": lambda: plots.heatmap(cases.one_day().slice(3, 1)),
    "service_level": lambda: plots.service_level(cases.by_day().slice(2, 1)),
    "waits": lambda: plots.waits(cases.calls().slice(0, 1)),
    "timeline": lambda: plots.timeline(cases.statuses().slice(1, 1), timezone=ZONE),
    "staffing": lambda: plots.staffing(cases.one_day().slice(3, 1), cases.statuses()),
}


@pytest.mark.no_cover  # the other tests draw the same
@pytest.mark.parametrize("name", CASES)
def test_it_looks_as_its_reference(name):
    draw, otherwise = CASES[name]
    reference = (REFERENCES / f"{name}.png").read_bytes()
    png, words = cases.drawn(draw)
    assert cases.difference(png, reference) < TOLERANCE
    assert words == WORDS[name]
    # The comparison sees what differs.
    assert cases.difference(cases.drawn(otherwise)[0], reference) > 2 * TOLERANCE


def test_every_reference_is_compared():
    assert {path.stem for path in REFERENCES.glob("*.png")} == {*CASES} == {*WORDS}


@pytest.mark.parametrize("name", EMPTY)
def test_nothing_to_show_is_said(name):
    ax = EMPTY[name]()
    shown = [text.get_text() for text in ax.texts]
    assert len(shown) == 1 and shown[0].startswith("Nothing to show: ")
    assert ax.get_title(loc="left")
    ax.figure.draw_without_rendering()


@pytest.mark.parametrize("name", ONE)
def test_one_row_is_enough(name):
    ax = ONE[name]()
    assert not [text for text in ax.texts if "Nothing" in text.get_text()]
    ax.figure.draw_without_rendering()


def test_the_axes_given_are_drawn_on_and_returned():
    figure = Figure()
    ax = figure.add_subplot()
    for draw, _ in CASES.values():
        assert draw(ax) is ax
        ax.clear()
    for draw in EMPTY.values():
        assert draw(ax=ax) is ax


def test_settings_backend_and_pyplot_are_left_alone():
    before = dict(matplotlib.rcParams)
    for draw, _ in CASES.values():
        assert isinstance(draw(None), Axes)
    assert dict(matplotlib.rcParams) == before
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        assert pyplot.get_fignums() == []


def test_a_notebook_shows_the_axes_as_a_picture():
    image, size = plots.waits(cases.calls())._repr_png_()
    assert image.startswith(b"\x89PNG")
    assert 600 < size["width"] < 700 and 200 < size["height"] < 300


def test_text_takes_the_colour_of_a_style():
    with matplotlib.rc_context({"axes.labelcolor": "#fedcba", "figure.facecolor": "#000000"}):
        ax = plots.staffing(cases.one_day(), cases.statuses())
    assert ax.get_title(loc="left") and ax.title.get_text() == ""
    for text in ax.get_legend().get_texts():
        assert same_color(text.get_color(), "#fedcba")
    assert ax.figure.get_facecolor()[:3] == (0, 0, 0)


def test_labels_are_local_whatever_the_clocks_do():
    """The clocks go forward at one in the morning: 24 local hours, one of them missing."""
    half_hours = pd.date_range("2026-03-29", "2026-03-30", freq="30min", tz=ZONE, inclusive="left")
    assert len(half_hours) == 46
    table = pd.DataFrame({"interval": half_hours, "offered": 8, "required": 2})
    ax = plots.staffing(table)
    ax.figure.draw_without_rendering()
    ticks = pd.to_datetime(ax.get_xticks(), unit="D", utc=True).round("s").tz_convert(ZONE)
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert labels[1:-1] == [f"{tick:%H:%M}" for tick in ticks[1:-1]]
    assert "Europe/Lisbon" in ax.get_xlabel()


def test_days_and_weeks_are_labelled_where_their_bars_stand():
    mondays = pd.date_range("2026-11-02", periods=20, freq="7D")
    table = pd.DataFrame({"week": mondays, "numerator": 8, "denominator": 10, "service_level": 0.8})
    ax = plots.service_level(table)
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert labels[:2] == ["Mon 2 Nov", "Mon 23 Nov"] and len(labels) == 7
    assert ax.get_xlabel() == "weeks of 2026 to 2027"
    few = plots.service_level(cases.by_day())
    assert [label.get_text() for label in few.get_xticklabels()][-1] == "Sat 8 Aug"
    assert few.get_xlabel() == "2026"


def test_names_are_text_whatever_is_in_them():
    names = {"Ana <Lima>": "A$AP $\\frac$", "Bo Ek": "_hidden", "Chi Ume": None, "Dee Orr": "x"}
    frame = cases.statuses().to_pandas()
    frame["user_name"] = frame["user_name"].map(names)
    frame["status_label"] = frame["status_label"].replace({"Lunch": "$_$", "Away": "_away"})
    frame.loc[5, "status_label"] = None
    ax = plots.timeline(frame, timezone=ZONE)
    ax.figure.draw_without_rendering()
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "A$AP $\\frac$",
        "_hidden",
        "u2",
        "x",
    ]
    said = {text.get_text().strip() for text in ax.get_legend().get_texts()}
    assert said == {"Available", "On a Call", "After Call Work", "$_$", "_away", "unknown"}


def test_a_heat_map_of_quarter_hours_has_a_scale_for_numbers():
    table = pd.DataFrame(
        {
            "interval": pd.date_range("2026-08-03", periods=96, freq="15min", tz=ZONE),
            "offered": range(1, 97),
        }
    )
    ax = plots.heatmap(table)
    assert len(ax.figure.axes) == 2 and not ax.texts


@pytest.mark.parametrize(
    ("draw", "error", "said"),
    [
        (lambda: plots.heatmap(cases.by_day()), SchemaError, "no column interval"),
        (lambda: plots.heatmap(cases.table(), "offred"), SchemaError, "no column offred"),
        (lambda: plots.service_level(cases.calls()), SchemaError, "no table of a measure"),
        (
            lambda: plots.service_level(cases.by_day().drop_columns("day")),
            SchemaError,
            "none of interval, day, week",
        ),
        (
            lambda: plots.service_level(
                cases.by_day().rename_columns(["day", "numerator", "denominator", "asa"])
            ),
            SchemaError,
            "asa is no share",
        ),
        (lambda: plots.service_level(cases.by_day(), 80), ConfigError, "Write 80% as 0.8"),
        (lambda: plots.waits(cases.calls(), 0), ConfigError, "threshold of 0 s"),
        (lambda: plots.waits(cases.by_day()), SchemaError, "type (calls)"),
        (
            lambda: plots.timeline(cases.statuses(), start="2026-08-04"),
            ConfigError,
            "give both or none",
        ),
        (lambda: plots.staffing(cases.by_day()), SchemaError, "interval, offered, required"),
        (
            lambda: plots.staffing(pa.concat_tables([cases.one_day()] * 2)),
            ConfigError,
            "Pick one ring group",
        ),
    ],
)
def test_wrong_input_is_one_sentence(draw, error, said):
    with pytest.raises(error, match=said.replace("(", r"\(").replace(")", r"\)")):
        draw()


def test_without_matplotlib_the_extra_is_named_and_the_data_is_there(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigError, match=r"td_notebooks\[plots\]"):
        plots.waits(cases.calls())
    assert plots.waits_data(cases.calls()).num_rows > 4


def test_nothing_warns_when_many_are_drawn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(25):
            plots.staffing(cases.one_day())
