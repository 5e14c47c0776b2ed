"""What is present, read back from the commits of a table.

Every commit that replaces a window carries an `Entry`: which window, when Talkdesk was asked, by
which job, how many rows. Put one after the other they tell what the table holds; there is no other
state. As logs grow, the older entries are summed up in a property of the table (`Ledger.summary`),
so that reading what is present stays cheap and survives whoever cleans up the log. A summary holds
no row counts, jobs or hashes: those are for `history`, which goes as far back as the log does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from .spans import Span, difference, overlaps, splits, union

#: The key of an entry in the metadata of its commit, and of the summary in the table's properties.
KEY = "td_notebooks"
#: Of a summary. Those of another format are not read: the first one had lost the marks.
FORMAT = 2
#: Entries of the last days stay as they are in a summary: they are asked for again.
KEPT_WHOLE = timedelta(days=35)


@dataclass(frozen=True, slots=True)
class Entry:
    """One window that was pulled.

    Attributes
    ----------
    account : str
    start, end : datetime
        The window, in UTC, half-open.
    asked_at : datetime
        When Talkdesk took the job, by its own clock where it tells.
    known_until : datetime
        Up to where the window is complete: not its end, if that was later than what Talkdesk knew
        when it was asked.
    zone : str
        IANA name of the zone whose days were asked.
    job : str
        Talkdesk's id of the job; empty in a summary.
    rows : int
        Rows in the table.
    duplicates : int
        Rows of the file left out because they were there twice, equal in all columns.
    conflicts : int
        Rows of the file that shared the key of another and differed from it.
    astray : int
        Rows whose own time lies outside the window.
    untimed : int
        Rows without a time.
    sha256 : str
        Hash of the file.
    payload : str
        Version of its columns, as the catalogue calls it.
    mark : str
        What was done to the rows before they were stored; empty for nothing (`marks`).
    delay : int
        Seconds by which the report lagged behind.
    """

    account: str
    start: datetime
    end: datetime
    asked_at: datetime
    known_until: datetime
    zone: str = "UTC"
    job: str = ""
    rows: int = 0
    duplicates: int = 0
    conflicts: int = 0
    astray: int = 0
    untimed: int = 0
    sha256: str = ""
    payload: str = ""
    mark: str = ""
    delay: int = 0

    @property
    def span(self) -> Span:
        """The window as a pair."""
        return self.start, self.end

    @property
    def loose(self) -> bool:
        """Whether some rows stand at the window's start for want of a time within it."""
        return bool(self.astray or self.untimed)

    @property
    def complete(self) -> bool:
        """Whether Talkdesk had everything when it was asked."""
        return self.known_until >= self.end

    def dump(self) -> str:
        """Return the entry as JSON text."""
        return json.dumps(_plain(self), separators=(",", ":"))

    @classmethod
    def load(cls, text: str) -> Entry:
        """Read what `dump` wrote, by this version of the package or a later one.

        Raises
        ------
        ValueError
            It is no entry.
        """
        return _entry(json.loads(text))


@dataclass(frozen=True, slots=True)
class Ledger:
    """The entries of one table, oldest first.

    Attributes
    ----------
    entries : tuple of Entry
    version : int
        The version of the table up to which they tell.
    """

    entries: tuple[Entry, ...] = ()
    version: int = -1

    def after(self, entries: Iterable[Entry], version: int) -> Ledger:
        """Return the ledger with later entries added."""
        return Ledger((*self.entries, *entries), version)

    def of(self, account: str) -> list[Entry]:
        """Return the entries of an account, oldest first."""
        return [entry for entry in self.entries if entry.account == account]

    @property
    def accounts(self) -> list[str]:
        """The accounts that have entries."""
        return sorted({entry.account for entry in self.entries})

    def complete(self, account: str) -> list[Span]:
        """Return the time that is present and complete; a later entry replaces an earlier one."""
        present: list[Span] = []
        for entry in self.of(account):
            present = difference(present, [entry.span])
            present = union([*present, (entry.start, min(entry.end, entry.known_until))])
        return present

    def delay(self, account: str) -> timedelta:
        """Return how far behind the report was when the last of its time was asked for."""
        last = max(self.of(account), key=lambda entry: (entry.end, entry.asked_at), default=None)
        return timedelta(seconds=last.delay if last else 0)

    def pieces(self, account: str) -> list[tuple[Entry, Span]]:
        """Return the entries of which the table still holds something, and the times of it."""
        standing: list[tuple[Entry, Span]] = []
        hidden: list[Span] = []
        for entry in reversed(self.of(account)):
            standing += [(entry, piece) for piece in difference([entry.span], hidden)]
            hidden = union([*hidden, entry.span])
        return standing

    def undividable(self, account: str) -> list[Span]:
        """Return the windows that must be replaced as a whole, if at all.

        Rows without a time, or with one outside, stand at the start of their window: replacing a
        part of it would leave them, or take them all, without telling which part they belong to.
        """
        return sorted({entry.span for entry, _ in self.pieces(account) if entry.loose})

    def latest(self, account: str, span: Span) -> Entry | None:
        """Return the entry that alone fills the window's beginning, if nothing came after it.

        Parameters
        ----------
        account : str
        span : (datetime, datetime)

        Returns
        -------
        Entry or None
            One with the same start and no later end, and none newer that overlaps the window.
        """
        for entry in reversed(self.of(account)):
            if overlaps(entry.span, span):
                return entry if entry.start == span[0] and entry.end <= span[1] else None
        return None

    def forbids(self, account: str, span: Span, asked_at: datetime | None) -> bool:
        """Say whether a window must not be replaced by what was asked for at a moment.

        That is so when a part of it was asked for later and is here, or when it would split a
        window that must not be divided.

        Parameters
        ----------
        account : str
        span : (datetime, datetime)
        asked_at : datetime or None
            By Talkdesk's clock; None when it is not known.
        """
        newer = asked_at is not None and any(
            overlaps(entry.span, span) and entry.asked_at > asked_at for entry in self.of(account)
        )
        divided = any(splits(edge, window) for window in self.undividable(account) for edge in span)
        return newer or divided

    def summary(self, now: datetime) -> str:
        """Return the ledger as short JSON text.

        Parameters
        ----------
        now : datetime
            Entries of the last days before stay whole.
        """
        short = [
            entry
            for account in self.accounts
            for entry in _shortened(self.pieces(account), now - KEPT_WHOLE)
        ]
        defaults = _plain(_entry({}))
        told = [
            {key: value for key, value in _plain(entry).items() if value != defaults[key]}
            for entry in short
        ]
        whole = {"format": FORMAT, "version": self.version, "entries": told}
        return json.dumps(whole, separators=(",", ":"))

    @classmethod
    def from_summary(cls, text: str | None) -> Ledger:
        """Read what `summary` wrote; none, or one of another format, is an empty ledger.

        Raises
        ------
        ValueError
            It is no summary.
        """
        if not text:
            return cls()
        told = json.loads(text)
        if told.get("format") != FORMAT:
            return cls()
        return cls(tuple(_entry(entry) for entry in told["entries"]), int(told["version"]))


def _shortened(pieces: list[tuple[Entry, Span]], before: datetime) -> list[Entry]:
    """Return entries for pieces that do not overlap; the plain ones of old are joined."""
    kept: list[Entry] = []
    plain: dict[tuple[str, str, str], list[Entry]] = {}
    for entry, (start, end) in pieces:
        entry = replace(entry, start=start, end=end, known_until=min(end, entry.known_until))
        if entry.complete and not entry.loose and end <= before:
            plain.setdefault((entry.zone, entry.payload, entry.mark), []).append(entry)
        else:
            kept.append(entry)
    for (zone, payload, mark), entries in plain.items():
        account = entries[0].account
        asked_at = max(entry.asked_at for entry in entries)
        kept += [
            Entry(account, start, end, asked_at, end, zone=zone, payload=payload, mark=mark)
            for start, end in union(entry.span for entry in entries)
        ]
    return sorted(kept, key=lambda entry: entry.start)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENTS = ("start", "end", "asked_at", "known_until")


def _plain(entry: Entry) -> dict[str, Any]:
    plain = asdict(entry)
    for name in _MOMENTS:
        plain[name] = plain[name].astimezone(UTC).isoformat()
    return plain


def _entry(plain: Mapping[str, Any]) -> Entry:
    if not isinstance(plain, Mapping):
        raise ValueError("no entry")
    known = {field.name for field in fields(Entry)}
    told = {key: value for key, value in plain.items() if key in known}
    for name in _MOMENTS:
        told[name] = datetime.fromisoformat(told[name]) if name in told else _EPOCH
    return Entry(**{"account": "", **told})
