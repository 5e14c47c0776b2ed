"""Report types and their columns, as data.

The facts stand in ``catalogue/*.toml``, one file per report type; this module gives them names and
types. A fact that is not in the file is not known: nothing here is inferred from values.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from ..errors import SchemaError

Kind = Literal["text", "category", "integer", "number", "boolean", "timestamp", "duration"]
Confidence = Literal["documented", "client", "inferred"]


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
        Its header in CSV, where known.
    encoding : str or None
        How the wire writes it, where that is not the kind's usual way: ``day fraction`` and
        ``0d 0h 0m 0s`` for durations, ``Yes/No`` for booleans, ``a+b`` for joined lists.
    required : bool
        False when the column may be absent from a file.
    nullable : bool
    values : tuple of str
        Known values of a category. The set is open.
    meaning : str
    confidence : Confidence
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


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of one version of one report type."""

    report_type: str
    version: str
    title: str
    row: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    time_column: str | None
    default_format: Literal["json", "csv"]


@cache
def report_types() -> tuple[str, ...]:
    """Return the report types the API knows, in alphabetical order."""
    raise SchemaError(f"no catalogue at {files(__package__)} {tomllib.__name__}")
