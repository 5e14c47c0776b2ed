"""Keyed hashes in the place of phone numbers, addresses and names.

A pseudonym is HMAC-SHA-256, under a key of at least 32 bytes, of what kind of thing a value is and
of the value in its plainest spelling: the same number in two reports has the same pseudonym, so
that joins and counts still work, and nobody without the key can try all phone numbers. It is
written ``phone:`` and 32 hexadecimal digits (128 bits), which no real value looks like, so that
hashing twice changes nothing.

Which columns are meant is a matter of their names, for columns that the catalogue does not know
too: a column that appears one day is treated before anybody has looked at it. Free text
(``notes``) can hold anything; it is a kind of its own and is hashed whole.

The key is kept outside the lake: whoever has both can tell whether a known number is in it.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import ConfigError
from .secret import Secret, read_secret_file, write_secret_file

if TYPE_CHECKING:
    import pyarrow as pa

#: The environment variable that holds the key, for machines without a place for files.
KEY_VARIABLE = "TALKDESK_PSEUDONYM_KEY"
_KEY_BYTES = 32
_DIGITS = 32

#: Kinds of personal data and the columns that hold them, by what their names match.
KINDS: Mapping[str, re.Pattern[str]] = {
    "phone": re.compile(
        r"(.*_)?(phone|phone_number|msisdn|ani|dnis)"
        r"|(contact_person|company|destination|origin|caller|callee|customer|external)_number"
        r"|contact_person_channel_identifier|touchpoint_identifier"
    ),
    "email": re.compile(r"(.*_)?e?mail(_address)?|contact_person_channel_identifier"),
    "name": re.compile(
        r"((handling_)?(user|agent)|contact_person|customer|caller|evaluator|generator)_name"
        r"|agent|handling_agent|direct_assignment_user"
    ),
    "ip": re.compile(r"(.*_)?ip(_address(es)?)?"),
    "notes": re.compile(
        r"(.*_)?(notes?|comments?|extra_data)|description|rating_reason|conversation"
    ),
}
_PSEUDONYM = re.compile(rf"[a-z]+:[0-9a-f]{{{_DIGITS}}}")
_PHONE = re.compile(r"[+(]?[\d\s().\-/]*\d[\d\s().\-/]*")


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Replaces values of some kinds by pseudonyms; called with each batch of a report.

    Parameters
    ----------
    kinds : tuple of str
        Of `KINDS`, or names of columns.
    key : Secret
        As `find_key` returns it.
    source : str, optional
        The file of the key, for processes elsewhere: a key itself is never sent to them, they
        look for it as this one did.
    """

    kinds: tuple[str, ...]
    key: Secret = field(repr=False)
    source: str = ""

    @classmethod
    def find(
        cls, kinds: tuple[str, ...], path: Path | None = None, *, outside: Path | None = None
    ) -> Pseudonyms:
        """Return the pseudonyms of this machine's key.

        Parameters
        ----------
        kinds : tuple of str
            As `parse_kinds` returns them.
        path, outside : Path, optional
            As for `find_key`.

        Raises
        ------
        ConfigError
            As for `find_key`.
        """
        return cls(kinds, find_key(path, outside=outside), str(path.absolute()) if path else "")

    def __reduce__(self) -> tuple[Callable[..., Pseudonyms], tuple[tuple[str, ...], str, str]]:
        return _found_again, (self.kinds, self.source, self.check)

    @property
    def check(self) -> str:
        """Tell keys apart without telling them: 16 hexadecimal digits."""
        return self._digest("check", "")[:16]

    @property
    def mark(self) -> str:
        """Say what is done to rows: a lake keeps it with them, and takes no others."""
        return f"with pseudonyms for {', '.join(self.kinds)} (key {self.check})"

    def __call__(self, report_type: str, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return a batch with pseudonyms in the place of values.

        Parameters
        ----------
        report_type : str
        batch : pyarrow.RecordBatch
            Columns that are meant become text; the others stay as they are.
        """
        import pyarrow as pa

        columns, fields = batch.columns, list(batch.schema)
        for name, kind in self.columns(batch.schema.names).items():
            at = batch.schema.get_field_index(name)
            columns[at] = _hashed(columns[at], functools.partial(self.of, kind))
            fields[at] = fields[at].with_type(columns[at].type)
        return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))

    def of(self, kind: str, value: str) -> str:
        """Return a value's pseudonym.

        Parameters
        ----------
        kind : str
        value : str
            Empty text and pseudonyms are returned as they are.
        """
        if not value or _PSEUDONYM.fullmatch(value):
            return value
        if kind in ("phone", "email"):  # a channel's identifier may be either
            kind = "email" if "@" in value else "phone"
        return f"{kind}:{self._digest(kind, plainest(kind, value))[:_DIGITS]}"

    def columns(self, names: Iterable[str]) -> dict[str, str]:
        """Return which columns are meant, and as what kind.

        Parameters
        ----------
        names : iterable of str
            Of the columns of a table.
        """
        found = {}
        for name in names:
            kind = next((k for k in self.kinds if k in KINDS and KINDS[k].fullmatch(name)), None)
            if kind is None and name in self.kinds:
                kind = next((k for k, known in KINDS.items() if known.fullmatch(name)), "text")
            if kind is not None:
                found[name] = kind
        return found

    def _digest(self, kind: str, value: str) -> str:
        text = f"{kind}\0{value}".encode("utf-8", "surrogatepass")
        return hmac.new(self.key.reveal().encode(), text, hashlib.sha256).hexdigest()


def _found_again(kinds: tuple[str, ...], source: str, check: str) -> Pseudonyms:
    """Return on another machine, or in another process, what was there."""
    found = Pseudonyms.find(kinds, Path(source) if source else None)
    if found.check != check:
        raise ConfigError(
            "The key of the pseudonyms here is not the one that the work was started with.",
            hint=f"Give every worker the same key, in {KEY_VARIABLE} or in the same file.",
        )
    return found


def _hashed(column: pa.Array, pseudonym: Callable[[str], str]) -> pa.Array:
    """Hash each different value once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_nested(column.type):  # a list of values: each on its own
        lists = [
            items and [item and pseudonym(str(item)) for item in items]
            for items in column.to_pylist()
        ]
        return pa.array(lists, pa.list_(pa.string()))
    codes = pc.dictionary_encode(column.cast(pa.string()))
    known = [value if value is None else pseudonym(value) for value in codes.dictionary.to_pylist()]
    return pa.array(known, pa.string()).take(codes.indices)


def plainest(kind: str, value: str) -> str:
    """Return a value in the spelling that is hashed: one for all ways to write the same thing.

    Examples
    --------
    >>> plainest("phone", "+1 (202) 555-0101"), plainest("phone", "anonymous")
    ('+12025550101', 'anonymous')
    >>> plainest("email", " Ana@Example.com")
    'ana@example.com'
    """
    value = value.strip()
    if kind == "phone" and _PHONE.fullmatch(value):
        return ("+" if value.startswith("+") else "") + re.sub(r"\D", "", value)
    return value.casefold() if kind == "email" else value


def parse_kinds(text: str) -> tuple[str, ...]:
    """Read ``phone,email``: kinds of personal data, and names of columns.

    Raises
    ------
    ConfigError
        Something in it is neither.
    """
    from .reports.schemas import report_types, versions

    kinds = tuple(sorted({part.strip() for part in text.split(",") if part.strip()}))
    columns = {c.name for kind in report_types() for known in versions(kind) for c in known.columns}
    if wrong := [kind for kind in kinds if kind not in KINDS and kind not in columns]:
        raise ConfigError(
            f"{wrong[0]!r} is neither a kind of personal data nor a column.",
            hint=f"The kinds are {', '.join(KINDS)}.",
        )
    if not kinds:
        raise ConfigError(
            "Nothing is named to pseudonymise.", hint=f"The kinds are {', '.join(KINDS)}."
        )
    return kinds


def key_path() -> Path:
    """Return the file of the key, in the user's configuration folder."""
    from .profiles import profiles_path

    return profiles_path().with_name("pseudonym.key")


def find_key(path: Path | None = None, *, outside: Path | None = None) -> Secret:
    """Return the key: from a file, from `KEY_VARIABLE`, or from a new file of its own.

    Parameters
    ----------
    path : Path, optional
        A file of at least 32 characters that only its owner can read. It is made, with a key from
        the machine's source of randomness, if it is not there. By default the environment counts,
        and then `key_path`.
    outside : Path, optional
        Where the file must not be: the lake.

    Raises
    ------
    ConfigError
        Others can read the file, it lies in the lake, or what is in it is too short to be a key.
    """
    if path is None and (text := os.environ.get(KEY_VARIABLE, "").strip()):
        return _long_enough(Secret(text), KEY_VARIABLE)
    path = (path or key_path()).expanduser()
    if outside is not None and path.resolve().is_relative_to(outside.resolve()):
        raise ConfigError(
            f"The key of the pseudonyms, {path}, lies in the lake: whoever copies the lake would "
            "have it too.",
            hint="Keep it somewhere else.",
        )
    if not path.exists():
        _make_key(path)
    return _long_enough(read_secret_file(path), str(path))


def _make_key(path: Path) -> None:
    """Make a key file, unless another process was quicker: then its key is everybody's."""
    scratch = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    write_secret_file(scratch, Secret(secrets.token_hex(_KEY_BYTES)))
    try:
        os.link(scratch, path)
    except FileExistsError:
        pass
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        scratch.unlink()


def _long_enough(key: Secret, where: str) -> Secret:
    if len(key.reveal()) < _KEY_BYTES:
        raise ConfigError(
            f"The key of the pseudonyms in {where} is shorter than {_KEY_BYTES} characters.",
            hint="Make one with: python -c 'import secrets; print(secrets.token_hex(32))'",
        )
    return key
