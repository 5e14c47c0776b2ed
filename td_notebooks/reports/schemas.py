"""Report types and their columns, as data.

The facts stand in ``catalogue/*.toml``, one file per report type; this module gives them names and
types. A fact that is not in the file is not known: nothing here is inferred from values. A type
whose columns nobody has published has an empty schema, and all its columns are read as text.

Sources: Talkdesk's pages on each report (docs.talkdesk.com, data-dictionary.talkdesk.com), and
where those are silent, what public programs read from the service; `Column.confidence` says which.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

from ..errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    import pandas as pd

Kind = Literal["text", "category", "integer", "number", "boolean", "timestamp", "duration"]
Confidence = Literal["documented", "client", "inferred"]
Format = Literal["json", "csv", "json_bulk"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a report.

    Attributes
    ----------
    key : str
        Its key in JSON, exactly as on the wire (``transfer?``).
    name : str
        Its name in frames (``transfer``).
    kind : Kind
        What it holds. A duration is in seconds inside, a timestamp in UTC.
    label : str or None
        Its header in CSV, where known. `header` always has one.
    encoding : str or None
        How the wire writes it.

        - boolean: ``true/false`` (real booleans in JSON), or text: ``Yes/No``, ``YES/NO``,
          ``TRUE/FALSE``;
        - timestamp: ``rfc3339z`` (2026-03-02T10:22:26Z), ``naive`` (2026-03-02 10:22:26),
          ``naive millis`` (2026-03-02 10:22:26.809);
        - duration: ``seconds`` and ``minutes`` (whole numbers), ``day fraction`` (of whole
          seconds), ``fine day fraction`` (of milliseconds), ``0d 0h 0m 0s``;
        - text that holds a list: ``a+b``, ``a + b``, ``a,b``, ``json array text``,
          ``json array`` (a real one in JSON).
    required : bool
        False when the column may be absent from a file. A required column that is never null must
        be there; one that may be null is replaced by nulls and reported as drift.
    nullable : bool
    missing : {"null", "empty"}
        How JSON writes a missing value: ``null``, or an empty string. CSV has an empty field.
    values : tuple of str
        Known values of a category. The set is open.
    meaning : str
    confidence : Confidence
        ``documented`` by Talkdesk, read by a public ``client``, or ``inferred``.
    """

    key: str
    name: str
    kind: Kind
    label: str | None = None
    encoding: str | None = None
    required: bool = True
    nullable: bool = True
    values: tuple[str, ...] = ()
    meaning: str = ""
    confidence: Confidence = "documented"
    missing: Literal["null", "empty"] = "null"

    @property
    def header(self) -> str:
        """Return the CSV header: the known one, or the name with capitals (``User Id``)."""
        return self.label or self.name.replace("_", " ").title()

    @property
    def unit(self) -> str | None:
        """Return ``"s"`` for durations."""
        return "s" if self.kind == "duration" else None


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of one version of one report type.

    Attributes
    ----------
    report_type, version, title : str
    row : str
        What one row is.
    columns : tuple of Column
        Empty when nobody has published them.
    primary_key : tuple of str
        Names of the columns that tell rows apart; empty when unknown.
    time_column : str or None
        Name of the column that decides which time span a row belongs to.
    default_format : Format
        The format whose columns are known best.
    formats : tuple of Format
        Formats that can be asked for.
    freshness_seconds : int
        How far the report lags behind the present, in seconds.
    envelope : bool
        Whether its JSON says ``type`` and ``version`` beside ``entries`` and ``total``.
    zone : {"UTC", "requested"}
        The zone of its times: ``requested`` means the one the job was submitted with.
    confidence : Confidence
    """

    report_type: str
    version: str
    title: str
    row: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    time_column: str | None
    default_format: Format
    formats: tuple[Format, ...] = ("json", "csv", "json_bulk")
    freshness_seconds: int = 300
    envelope: bool = False
    zone: Literal["UTC", "requested"] = "requested"
    confidence: Confidence = "documented"

    def match(
        self, wire_names: Iterable[str], taken: Container[str] = ()
    ) -> tuple[Column | None, ...]:
        """Find the column of each wire name, whether it is a JSON key or a CSV label.

        Parameters
        ----------
        wire_names : iterable of str
            Keys or labels. Talkdesk's own files disagree in case and punctuation, so neither
            counts, unless another name is spelt exactly as the catalogue has it.
        taken : container of str
            Names of columns that have a wire name already.

        Returns
        -------
        tuple of Column or None
            One entry per name; None where the name is unknown or its column is taken.
        """
        wanted = list(wire_names)
        free: dict[str | None, Column] = {c.name: c for c in self.columns if c.name not in taken}
        exact = {spelling: c.name for c in self.columns for spelling in (c.name, c.header, c.key)}
        folded = {_fold(spelling): name for spelling, name in exact.items()}
        found = [free.pop(exact.get(name), None) for name in wanted]
        return tuple(
            column or free.pop(folded.get(_fold(name)), None)
            for name, column in zip(wanted, found, strict=True)
        )

    def absent(self, wire_names: Iterable[str]) -> tuple[Column, ...]:
        """Return the required columns that have no wire name among `wire_names`."""
        present = {column.name for column in self.match(wire_names) if column}
        return tuple(c for c in self.columns if c.required and c.name not in present)


def python_name(wire_name: str) -> str:
    """Make a wire name easy to type: ``transfer?`` → ``transfer``, ``view.field`` → ``field``.

    Parameters
    ----------
    wire_name : str
        A JSON key or a CSV label. A word before a dot is the view of the vendor's own database,
        which tells an analyst nothing; ``No. of calls`` and ``Score 1.5`` have no such word.
    """
    field = re.sub(r"^([^\W\d]\w*\.)+(?=\w)", "", wire_name)
    return re.sub(r"\W+", "_", field).strip("_").lower() or "column"


@cache
def report_types() -> tuple[str, ...]:
    """Return the report types the API knows, in alphabetical order."""
    folder = files(__package__).joinpath("catalogue")
    return tuple(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml")))


@cache
def versions(report_type: str) -> tuple[Schema, ...]:
    """Return the known payload versions of a report type, the present one first.

    Raises
    ------
    ConfigError
        If there is no such report type; names the closest ones.
    """
    if report_type not in report_types():
        close = difflib.get_close_matches(str(report_type), report_types(), n=3, cutoff=0.5)
        hint = f"Did you mean {' or '.join(close)}?" if close else "report_types() lists them."
        raise ConfigError(f"Talkdesk has no report type {report_type!r}.", hint=hint)
    path = files(__package__).joinpath("catalogue", f"{report_type}.toml")
    return read(report_type, tomllib.loads(path.read_text("utf-8")))


def read(report_type: str, facts: dict[str, Any]) -> tuple[Schema, ...]:
    """Return the payload versions that a file of the catalogue tells of, the present one first."""
    return tuple(
        _schema(report_type, facts, version)
        for version in facts.get("versions", [{"version": "unknown", "confidence": "inferred"}])
    )


def schema(report_type: str, version: str | None = None) -> Schema:
    """Return the columns of a report type.

    Parameters
    ----------
    report_type : str
        One of `report_types`.
    version : str, optional
        A payload version; by default the present one.

    Raises
    ------
    ConfigError
        If there is no such report type or version.
    """
    if not isinstance(report_type, str):  # a list, say, could not even be looked up
        raise ConfigError(
            f"A report type is a text, not a {type(report_type).__name__}.",
            hint="Ask for one report at a time, such as 'calls'.",
        )
    known = versions(report_type)
    for candidate in known:
        if version in (None, candidate.version):
            return candidate
    raise ConfigError(
        f"The report type {report_type} has no version {version!r}.",
        hint=f"Known: {', '.join(repr(s.version) for s in known)}.",
    )


def choose(report_type: str, wire_names: Iterable[str]) -> Schema:
    """Return the version that fits the columns of a file best.

    Parameters
    ----------
    report_type : str
    wire_names : iterable of str
        JSON keys or CSV labels. With none, the present version is chosen.
    """
    names = tuple(wire_names)

    def fit(candidate: Schema) -> tuple[bool, int]:
        indispensable = [c for c in candidate.absent(names) if not c.nullable]
        return not indispensable, sum(c is not None for c in candidate.match(names))

    return max(versions(report_type), key=fit) if names else schema(report_type)


def catalog(report_type: str | None = None) -> pd.DataFrame:
    """Return everything known about the report types and their columns, as one table.

    Parameters
    ----------
    report_type : str, optional
        By default, all of them.

    Returns
    -------
    pandas.DataFrame
        One row per report type, payload version and column, in the order of the files. A report
        type whose columns nobody has published has one row, with no column in it.

        - of the report: ``report_type``, ``title``, ``grain`` (what one row is), ``version``,
          ``current`` (the present payload), ``default_format``, ``formats``,
          ``freshness_seconds``, ``zone`` (of its times), ``envelope``, ``report_confidence``;
        - of the column: ``name`` (in frames), ``key`` (in JSON), ``header`` (in CSV) and whether
          it is ``header_known``, ``kind``, ``unit``, ``encoding``, ``values``, ``missing``,
          ``required``, ``nullable``, ``primary_key``, ``time_column``, ``meaning``,
          ``confidence``.

    Raises
    ------
    ConfigError
        If there is no such report type.

    Examples
    --------
    >>> catalog("calls").query("kind == 'duration' and current")["name"].tolist()[:2]
    ['total_time', 'talk_time']
    """
    import pandas as pd

    rows = [
        _catalog_row(known, column, current=not number)
        for name in ([report_type] if report_type is not None else report_types())
        for number, known in enumerate(versions(name))
        for column in known.columns or (None,)
    ]
    frame = pd.DataFrame(rows, columns=list(dict.fromkeys(key for row in rows for key in row)))
    of_reports = {"current": "bool", "envelope": "bool", "freshness_seconds": "int64"}
    flags = ("header_known", "required", "nullable", "primary_key", "time_column")
    return frame.astype(of_reports | dict.fromkeys(flags, "boolean"))


def _catalog_row(known: Schema, column: Column | None, *, current: bool) -> dict[str, Any]:
    row = {
        "report_type": known.report_type,
        "title": known.title,
        "grain": known.row or None,
        "version": known.version,
        "current": current,
        "default_format": known.default_format,
        "formats": ", ".join(known.formats),
        "freshness_seconds": known.freshness_seconds,
        "zone": known.zone,
        "envelope": known.envelope,
        "report_confidence": known.confidence,
    }
    # Every row has every key, so that the types of the columns never depend on the reports asked.
    of_column: dict[str, Any] = dict.fromkeys(
        [
            "name", "key", "header", "header_known", "kind", "unit", "encoding", "values",
            "missing", "required", "nullable", "primary_key", "time_column", "meaning",
            "confidence",
        ]
    )  # fmt: skip
    if column is not None:
        of_column |= {name: getattr(column, name) for name in of_column if hasattr(column, name)}
        of_column |= {
            "header_known": column.label is not None,
            "values": ", ".join(column.values) or None,
            "primary_key": column.name in known.primary_key,
            "time_column": column.name == known.time_column,
        }
    return row | of_column


def _schema(report_type: str, facts: dict[str, Any], version: dict[str, Any]) -> Schema:
    rest = {key: value for key, value in facts.items() if key != "versions"} | version
    confidence = rest.get("confidence", "documented")
    columns = tuple(_column(fact, confidence) for fact in rest.pop("columns", ()))
    return Schema(
        report_type=report_type,
        row=rest.pop("row", ""),
        columns=columns,
        primary_key=tuple(rest.pop("primary_key", ())),
        time_column=rest.pop("time_column", None),
        default_format=rest.pop("default_format", "json" if columns else "csv"),
        **rest,
    )


def _column(fact: dict[str, Any], confidence: Confidence) -> Column:
    defaults = {"name": python_name(fact["key"]), "confidence": confidence}
    return Column(**defaults | fact | {"values": tuple(fact.get("values", ()))})


@lru_cache(maxsize=4096)  # the spellings of one report are asked for again and again
def _fold(spelling: str) -> str:
    return re.sub(r"[\W_]+", "", spelling).casefold()
