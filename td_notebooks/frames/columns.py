"""One column: what the wire says to what Arrow holds.

Every conversion is exact, works on whole columns, and turns a value that does not fit into a null;
the caller finds those by comparing. The same function takes whatever the parser made of the column
(text, whole numbers, fractions, booleans, times), because Talkdesk writes the same fact in several
ways. What fits is decided here and nowhere else, so CSV and JSON cannot disagree.

Times without a zone are read in the zone the report was asked in. Clocks that are put forward skip
an hour: a time within it becomes the first moment after it. Clocks that are put back repeat an
hour: a time within it is taken as the first of the two. A time outside the years 1 to 9999 in UTC
does not fit: Arrow could hold it, but neither Python nor pandas can show it.
"""

from __future__ import annotations

import json
from functools import cache, partial
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ConfigError
from ..timespan import zone

if TYPE_CHECKING:
    from ..reports.schemas import Column, Schema

# 64-bit offsets are what pandas holds text with: handing a column over copies nothing.
TEXT = pa.large_string()
MOMENT = pa.timestamp("us", tz="UTC")
WALL = pa.timestamp("us")
TRUE_WORDS = ["true", "True", "TRUE", "Yes", "YES", "yes"]
FALSE_WORDS = ["false", "False", "FALSE", "No", "NO", "no"]

_SCALED = ("minutes", "day fraction", "fine day fraction")
_DAY = 86_400
_YEAR_1, _YEAR_10000 = -62_135_596_800_000_000, 253_402_300_800_000_000  # microseconds
_EXACT = 2.0**53  # beyond this, float64 skips whole numbers
_INT64 = 2**63 - 1
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_TIME = (
    r"^(?P<day>\d{4}-\d\d-\d\d)"
    r"(?:[ T](?P<hour>\d{1,2})(?::?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:\.(?P<part>\d+))?)?)?)?"
    r"\s?(?P<zone>Z|UTC|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?$"
)
_WORDS = r"^(?P<d>\d{1,9})d (?P<h>\d{1,9})h (?P<m>\d{1,9})m (?P<s>\d{1,9})s$"


def arrow_type(column: Column | None) -> pa.DataType:
    """Return the Arrow type of a column in a finished table.

    Parameters
    ----------
    column : Column or None
        None for a column the catalogue does not know, which is text.

    Returns
    -------
    pyarrow.DataType
        A duration is int64 seconds, or float64 seconds where the wire has parts of a second.
        A category is text: dictionaries differ from batch to batch, text never does.
    """
    if column is None or column.kind in ("text", "category"):
        return TEXT
    if column.kind == "duration":
        return pa.float64() if column.encoding == "fine day fraction" else pa.int64()
    return {
        "integer": pa.int64(),
        "number": pa.float64(),
        "boolean": pa.bool_(),
        "timestamp": MOMENT,
    }[column.kind]


def arrow_field(column: Column) -> pa.Field:
    """Return the Arrow field of a column: name, type, and in its metadata key, kind and unit."""
    metadata = {"key": column.key, "kind": column.kind}
    if column.unit:
        metadata["unit"] = column.unit
    return pa.field(column.name, arrow_type(column), metadata=metadata)


@cache
def arrow_schema(schema: Schema) -> pa.Schema:
    """Return the Arrow schema of a report's finished tables, without unexpected columns.

    Parameters
    ----------
    schema : Schema
        What the catalogue knows of the report.
    """
    metadata = {"report_type": schema.report_type, "version": schema.version}
    return pa.schema([arrow_field(c) for c in schema.columns], metadata=metadata)


def check_zone(timezone: str) -> str:
    """Return the name of a time zone that exists.

    Raises
    ------
    ConfigError
        If it does not.
    """
    key = zone(timezone).key
    try:
        pc.assume_timezone(pa.array([0], WALL), key)
    except pa.ArrowInvalid as error:  # Python may have a data base of its own
        raise ConfigError(
            f"pyarrow cannot find the rules of the time zone {timezone!r}.",
            hint="Install the system's time zone data, often a package called tzdata.",
        ) from error
    return key


def convert(values: pa.Array, column: Column | None, zone: str) -> pa.Array:
    """Convert one column of the wire.

    Parameters
    ----------
    values : pyarrow.Array
        As a parser made it: text, int64, float64, boolean, a timestamp, a list of text, or null.
        Missing values are null: the parsers see to it that no text is empty.
    column : Column or None
        What it should be; None for a column the catalogue does not know.
    zone : str
        Zone of times that carry none.

    Returns
    -------
    pyarrow.Array
        Of the same length and of the type `arrow_type` tells. Missing values and values that do
        not fit are null.
    """
    wanted = arrow_type(column)
    given = values.type
    if is_settled(given, column):
        return values
    if pa.types.is_null(given):
        return pa.nulls(len(values), wanted)
    if pa.types.is_list(given):
        values = _json_list(values)
    elif pa.types.is_timestamp(given):
        return _shown(values.cast(MOMENT) if given.tz else _localise(values, zone))
    elif not pa.types.is_large_string(given):
        if column is not None and column.kind in ("integer", "number", "duration"):
            return _number(values, column)
        if given != wanted:
            values = values.cast(TEXT)
    if column is None or column.kind in ("text", "category"):
        return values
    if column.kind == "boolean":
        return _boolean(values, column)
    if column.kind == "timestamp":
        return _shown(_time(values, column, zone))
    return _from_text(values, column)


def is_settled(given: pa.DataType, column: Column | None) -> bool:
    """Tell whether all values of a type stay as they are."""
    if given != arrow_type(column):
        return False
    return pa.types.is_large_string(given) or (
        not pa.types.is_floating(given)
        and not pa.types.is_timestamp(given)
        and column is not None
        and column.encoding not in _SCALED
    )


def blank_to_null(text: pa.Array) -> pa.Array:
    """Return text with empty strings turned into nulls."""
    length = pc.binary_length(text)
    if pc.min(length).as_py() != 0:
        return text
    return pc.if_else(pc.equal(length, 0), None, text)


def misfits(before: pa.ChunkedArray, after: pa.ChunkedArray) -> pa.Array | None:
    """Return the values that `convert` could not use, as text; None when there are none."""
    if after.null_count == before.null_count:
        return None
    lost = pc.and_(pc.is_valid(before), pc.is_null(after))
    values = before.filter(lost).combine_chunks()
    if pa.types.is_list(values.type):
        return _json_list(values)
    text = values.cast(TEXT)
    if pa.types.is_timestamp(values.type):  # as it was written
        text = pc.replace_substring_regex(text, r"\.0+(Z?)$", r"\1")
    return text


# ── numbers ──


def _from_text(text: pa.Array, column: Column) -> pa.Array:
    """Integers, numbers and durations."""
    if column.encoding == "0d 0h 0m 0s":
        return _worded_seconds(text)
    whole = column.kind == "integer" or column.encoding == "seconds"
    try:
        numbers = text.cast(pa.int64() if whole else pa.float64())
    except pa.ArrowInvalid:
        text = pc.utf8_trim_whitespace(text)
        numbers = _whole_text(text) if whole else _float_text(text)
    return _number(numbers, column)


def _number(values: pa.Array, column: Column) -> pa.Array:
    """Bring int64, float64 or boolean values to the unit of the column."""
    if pa.types.is_boolean(values.type):
        return pa.nulls(len(values), arrow_type(column))
    if column.kind == "number":
        return _finite(values.cast(pa.float64()))
    if column.encoding == "minutes":
        return _whole(pc.multiply(values.cast(pa.float64()), 60.0))
    if column.encoding == "day fraction":
        return _whole(pc.round(pc.multiply(values.cast(pa.float64()), float(_DAY))))
    if column.encoding == "fine day fraction":
        seconds = pc.multiply(values.cast(pa.float64()), float(_DAY))
        return _finite(pc.round(seconds, ndigits=3))
    return values if pa.types.is_int64(values.type) else _whole(values)


def _finite(numbers: pa.Array) -> pa.Array:
    usable = pc.is_finite(numbers)
    return numbers if pc.all(usable).as_py() else pc.if_else(usable, numbers, None)


def _whole(numbers: pa.Array) -> pa.Array:
    usable = pc.and_(pc.equal(pc.trunc(numbers), numbers), pc.less_equal(pc.abs(numbers), _EXACT))
    return pc.if_else(usable, numbers, None).cast(pa.int64())


def _whole_text(text: pa.Array) -> pa.Array:
    digits = _only(text, r"^[+-]?[0-9]{1,38}$")
    exact = digits.cast(pa.decimal128(38, 0))
    fits = pc.and_(pc.less_equal(exact, _INT64), pc.greater_equal(exact, -_INT64 - 1))
    exact = pc.if_else(fits, exact, None).cast(pa.int64())
    # 24.0 and 2.4e1 are whole numbers too; 0x18 is one to the fast path, so it is one here.
    others = pc.if_else(pc.is_valid(digits), None, text)
    hexadecimal = _only(others, r"^0[xX][0-9a-fA-F]{1,16}$").cast(pa.int64())
    return pc.coalesce(exact, hexadecimal, _whole(_float_text(others)))


def _float_text(text: pa.Array) -> pa.Array:
    return _only(text, _NUMBER).cast(pa.float64())


def _worded_seconds(text: pa.Array) -> pa.Array:
    """``0d 0h 0m 42s``, or the same duration as plain seconds."""
    text = pc.utf8_trim_whitespace(text)
    parts = pc.extract_regex(text, _WORDS)
    d, h, m, s = (pc.struct_field(parts, name).cast(pa.int64()) for name in "dhms")
    words = pc.add(pc.multiply(d, _DAY), pc.add(pc.multiply(h, 3600), pc.multiply(m, 60)))
    return pc.coalesce(pc.add(words, s), _whole_text(text))


# ── booleans, times, lists ──


def _boolean(values: pa.Array, column: Column) -> pa.Array:
    if pa.types.is_boolean(values.type):
        return values
    usual = pa.array((column.encoding or "").split("/"), TEXT)
    place = pc.index_in(values, value_set=usual)
    if place.null_count == values.null_count:
        return pc.equal(place, 0)
    words = pc.utf8_lower(pc.utf8_trim_whitespace(values))
    place = pc.index_in(words, value_set=pa.array(["true", "yes", "false", "no"], TEXT))
    return pc.less(place, 2)


def _localise(wall: pa.Array, zone: str) -> pa.Array:
    if zone != "UTC":
        wall = pc.assume_timezone(wall, zone, ambiguous="earliest", nonexistent="latest")
    return wall.view(MOMENT)


def _time(text: pa.Array, column: Column, zone: str) -> pa.Array:
    # Whole columns nearly always follow the catalogue; the pattern below costs ten times as much.
    try:
        if column.encoding == "rfc3339z":
            return text.cast(MOMENT)
        return _localise(text.cast(WALL), zone)
    except pa.ArrowInvalid:
        return _any_time(pc.utf8_trim_whitespace(text), zone)


def _shown(moments: pa.Array) -> pa.Array:
    """Drop moments that no calendar shows."""
    micros = moments.view(pa.int64())
    first, last = pc.min_max(micros).as_py().values()
    if first is None or (first >= _YEAR_1 and last < _YEAR_10000):
        return moments
    shown = pc.and_(pc.greater_equal(micros, _YEAR_1), pc.less(micros, _YEAR_10000))
    return pc.if_else(shown, moments, None)


def _any_time(text: pa.Array, zone: str) -> pa.Array:
    """Read times of every spelling seen: unpadded hours, offsets, any fraction of a second."""
    fields = pc.extract_regex(text, _TIME)
    names = ("day", "hour", "minute", "second", "part", "zone")
    part = {name: pc.struct_field(fields, name) for name in names}
    clock = [
        pc.utf8_lpad(pc.if_else(pc.equal(part[name], ""), "0", part[name]), 2, padding="0")
        for name in ("hour", "minute", "second")
    ]
    clock_text = pc.binary_join_element_wise(*clock, pa.scalar(":", TEXT))
    spelt = pc.binary_join_element_wise(part["day"], clock_text, pa.scalar(" ", TEXT))
    pattern = "%Y-%m-%d %H:%M:%S"
    wall = pc.strptime(spelt, format=pattern, unit="s", error_is_null=True)
    # strptime turns 30 February into 2 March: only what reads back the same is a date.
    real = pc.equal(pc.strftime(wall, format=pattern).cast(TEXT), spelt)
    wall = pc.if_else(real, wall, None).cast(pa.int64())
    micros = pc.utf8_slice_codeunits(pc.utf8_rpad(part["part"], 6, padding="0"), 0, 6)
    wall = pc.add(pc.multiply(wall, 1_000_000), micros.cast(pa.int64())).cast(WALL)

    naive = _localise(pc.if_else(pc.equal(part["zone"], ""), wall, None), zone)
    digits = pc.replace_substring_regex(part["zone"], r"[^0-9]", "")
    digits = pc.utf8_rpad(digits, 4, padding="0").cast(pa.int64())
    # 530 is five and a half hours: of every hundred, forty are too many.
    minutes = pc.subtract(digits, pc.multiply(pc.divide(digits, 100), 40))
    sign = pc.if_else(pc.starts_with(part["zone"], "-"), -60_000_000, 60_000_000)
    moment = pc.subtract(wall.cast(pa.int64()), pc.multiply(minutes, sign)).cast(WALL).cast(MOMENT)
    return pc.if_else(pc.equal(part["zone"], ""), naive, moment)


def _json_list(lists: pa.Array) -> pa.Array:
    """Write lists of text as the JSON they were: ``["a","b"]``."""
    items = lists.values.cast(TEXT)
    if pc.any(pc.match_substring_regex(items, r"[\x00-\x1f]")).as_py():
        # Rare, and the escapes are many: let the standard library write them.
        dump = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))
        return pa.array([None if v is None else dump(v) for v in lists.to_pylist()], TEXT)
    items = pc.replace_substring(pc.replace_substring(items, "\\", "\\\\"), '"', '\\"')
    quoted = _joined(pa.scalar('"', TEXT), items, pa.scalar('"', TEXT))
    starts = pc.if_else(pc.is_valid(lists), lists.offsets[:-1], None)
    offsets = pa.concat_arrays([starts.cast(pa.int32()), lists.offsets[-1:]])
    items = pa.ListArray.from_arrays(offsets, pc.coalesce(quoted, pa.scalar("null", TEXT)))
    joined = pc.binary_join(items, pa.scalar(",", TEXT))
    return _joined(pa.scalar("[", TEXT), joined, pa.scalar("]", TEXT))


def _joined(*parts: pa.Array | pa.Scalar) -> pa.Array:
    return pc.binary_join_element_wise(*parts, pa.scalar("", TEXT))


def _only(text: pa.Array, pattern: str) -> pa.Array:
    return pc.if_else(pc.match_substring_regex(text, pattern), text, None)
