"""What a report file has that the catalogue does not expect, and the other way round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import SchemaError
from ..reports.schemas import choose, python_name, schema, versions
from .renames import renames

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Sequence

    import pyarrow as pa

    from ..reports.schemas import Column, Schema

EXAMPLES = 5
MOST_COLUMNS = 500  # no report has a fifth of them, and each costs memory for every row
_KINDS = {
    "integer": "whole numbers",
    "number": "numbers",
    "boolean": "yes or no",
    "timestamp": "times",
    "duration": "durations",
}
# Rows of the final types, and for each column the values that did not fit.
Shaped: TypeAlias = "tuple[pa.Table, dict[str, pa.Array]]"
Shape: TypeAlias = "Callable[[pa.Table], Shaped]"


class DriftWarning(UserWarning):
    """A report differs from what the catalogue says."""


@dataclass(frozen=True)
class Drift:
    """How a file differs from the catalogue.

    Attributes
    ----------
    unexpected : tuple of str
        Wire names of columns the catalogue does not know; they arrive as text.
    missing : tuple of str
        Keys of columns that should be there and are not; they are null.
    unparsed : mapping of str to (int, tuple of str)
        For each column (by name in the frame), how many values did not fit its type, and up to
        five of them. They are null.
    renamed : mapping of str to str
        For a missing key, the unexpected name that seems to stand for it: it is much alike, or
        somewhat alike and in the same place. Both stay in the lists above, and the values stay
        in the new column.
    retyped : mapping of str to (str, str)
        For each column (by name in the frame) that is written as another type: what the catalogue
        says, and what the file has. Values that fit all the same are converted.
    """

    unexpected: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unparsed: Mapping[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    retyped: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.unexpected or self.missing or self.unparsed or self.retyped)

    def __str__(self) -> str:
        said = []
        if self.unexpected:
            said.append(f"unknown columns, kept as text: {', '.join(self.unexpected)}")
        if self.missing:
            said.append(f"columns absent, left empty: {', '.join(self.missing)}")
        said += [f"{key} seems to be called {now} now" for key, now in self.renamed.items()]
        said += [
            f"{name} has {found} where {known} were expected"
            for name, (known, found) in self.retyped.items()
        ]
        for name, (count, examples) in self.unparsed.items():
            shown = ", ".join(repr(e[:40]) for e in examples)
            said.append(
                f"{count:,} values of {name} do not fit and were left empty, such as {shown}"
            )
        return "; ".join(said)

    def __add__(self, other: Drift) -> Drift:
        """Return the drift of two files of one pull taken together."""
        unparsed = dict(self.unparsed)
        for name, (count, examples) in other.unparsed.items():
            before, known = unparsed.get(name, (0, ()))
            unparsed[name] = (before + count, tuple(dict.fromkeys(known + examples))[:EXAMPLES])
        return Drift(
            tuple(dict.fromkeys(self.unexpected + other.unexpected)),
            tuple(dict.fromkeys(self.missing + other.missing)),
            unparsed,
            {**self.renamed, **other.renamed},
            {**self.retyped, **other.retyped},
        )

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Drift:
        """Return the drift that `dataclasses.asdict` made a dict of, also after JSON."""
        return cls(
            tuple(facts["unexpected"]),
            tuple(facts["missing"]),
            {name: (count, tuple(some)) for name, (count, some) in facts["unparsed"].items()},
            dict(facts.get("renamed", {})),
            {name: (known, found) for name, (known, found) in facts.get("retyped", {}).items()},
        )


class Watch:
    """Matches the columns of one file to the catalogue, and keeps what does not fit.

    Parameters
    ----------
    report_type : str
    version : str, optional
        Payload version; by default the one that fits the first columns seen.
    strict : bool
        Raise `SchemaError` at the first value that does not fit.

    Attributes
    ----------
    schema : Schema
    columns : dict of str to Column or None
        By wire name, in the order seen.
    names : dict of str to str
        Wire name to name in the frame.
    """

    def __init__(
        self, report_type: str, version: str | None = None, *, strict: bool = False
    ) -> None:
        self.schema = schema(report_type, version)
        self.columns: dict[str, Column | None] = {}
        self.names: dict[str, str] = {}
        self._version = version
        self._strict = strict
        self._unparsed = Drift()
        self._fitting: set[str] = set()  # columns in which some value fits
        self._retyped: dict[str, tuple[str, set[str]]] = {}

    @property
    def candidates(self) -> tuple[Schema, ...]:
        """The payload versions that the file may have."""
        return versions(self.schema.report_type) if self._version is None else (self.schema,)

    def see(self, wire_names: Iterable[str]) -> None:
        """Take note of wire names; those seen before are skipped.

        Raises
        ------
        SchemaError
            There are more than any report has.
        """
        fresh = [name for name in wire_names if name not in self.columns]
        if not fresh:
            return
        check_width(len(self.columns) + len(fresh))
        if not self.columns and self._version is None:
            self.schema = choose(self.schema.report_type, fresh)
        found = dict(zip(fresh, self.schema.match(fresh, self.names.values()), strict=True))
        called = {wire_name: column.name for wire_name, column in found.items() if column}
        taken = {*self.names.values(), *(c.name for c in self.schema.columns)}
        # Sorted, so that their order in the file does not decide which of two gets a number.
        for wire_name in sorted(found.keys() - called, key=_plainest):
            called[wire_name] = unused(python_name(wire_name), taken)
            taken.add(called[wire_name])
        # Threads that convert batches read these: replaced whole, never changed under their hands.
        self.columns = self.columns | found
        self.names = self.names | {wire_name: called[wire_name] for wire_name in fresh}

    def require(self) -> None:
        """Raise `SchemaError` if a column that is never null was not seen."""
        absent = self.schema.absent(self.columns)
        missing = [c.key for c in absent if not c.nullable]
        if not missing:
            return
        strangers = self._strangers
        report_type = self.schema.report_type
        renamed = self._renamed(absent)
        perhaps = [f"{key} may be called {renamed[key]} now" for key in missing if key in renamed]
        raise SchemaError(
            f"This file is not a {report_type} report: it lacks {_few(missing)}"
            + (f" and has {_few(strangers)}." if strangers else "."),
            hint="Check the report type; if it is right, Talkdesk has changed the report"
            + (f": {', '.join(perhaps[:5])}." if perhaps else "."),
            report_type=report_type,
            missing=missing,
            unexpected=strangers,
        )

    def lose(self, name: str, values: pa.Array) -> None:
        """Count the values of a column that did not fit its type."""
        examples = tuple(values.unique()[:EXAMPLES].to_pylist())
        if self._strict:
            raise SchemaError(
                f"{len(values):,} values of {name} do not fit its type, "
                f"such as {examples[0][:40]!r}.",
                hint="Without strict=True they become missing values.",
                report_type=self.schema.report_type,
            )
        self._unparsed += Drift(unparsed={name: (len(values), examples)})

    def fits(self, rows: pa.Table) -> None:
        """Take note of the columns of finished rows in which some value fits."""
        for name in rows.column_names:
            if name not in self._fitting and rows.column(name).null_count < rows.num_rows:
                self._fitting.add(name)

    def written(self, wire_name: str, known: str, found: set[str]) -> None:
        """Take note that a column is written as other types than the catalogue says."""
        self._retyped.setdefault(self.names[wire_name], (known, set()))[1].update(found)

    @property
    def drift(self) -> Drift:
        """What was found so far."""
        missing = self.schema.absent(self.columns) if self.columns else ()
        unfit = {
            column.name: (_KINDS[column.kind], "values that do not fit")
            for column in self.schema.columns
            if column.name in self._unparsed.unparsed.keys() - self._fitting
        }
        retyped = {
            name: (known, " and ".join(sorted(found)))
            for name, (known, found) in self._retyped.items()
        }
        return self._unparsed + Drift(
            tuple(self._strangers),
            tuple(c.key for c in missing),
            renamed=self._renamed(missing),
            retyped=unfit | retyped,
        )

    @property
    def _strangers(self) -> list[str]:
        return [name for name, column in self.columns.items() if column is None]

    def _renamed(self, missing: Sequence[Column]) -> dict[str, str]:
        return renames(self.schema.columns, self.columns, missing) if missing else {}


def check_width(columns: int) -> None:
    """Raise `SchemaError` if there are more columns than any report has."""
    if columns > MOST_COLUMNS:
        raise SchemaError(
            f"This file is not a report: it has more than {MOST_COLUMNS:,} columns.",
            hint="Check that it is the file that was downloaded.",
        )


def unused(name: str, taken: Container[str]) -> str:
    """Return `name`, with a number behind it if it is taken."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def _plainest(wire_name: str) -> tuple[bool, str]:
    """Sort names that need no change before those that do."""
    return python_name(wire_name) != wire_name, wire_name


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(name[:40] for name in names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown
