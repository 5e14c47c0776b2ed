"""The bytes of a report file, unpacked, a block at a time."""

from __future__ import annotations

import io
import zlib
from typing import BinaryIO, Literal, TypeAlias

import pyarrow as pa

from ..errors import ConfigError, DownloadError

# What one thread parses at once: large enough that starting a parser costs nothing, small enough to
# stay in the cache of a processor, which counts for more (blocks of 16 MB take half as long again).
BLOCK = 1 << 20
STEP = 1 << 17  # bytes read at once
# No row of a report is longer than this; bytes that hold no end of a row are not a report.
LONGEST_ROW = 16 << 20
BOM = b"\xef\xbb\xbf"

Bytes: TypeAlias = bytes | bytearray


class Feed:
    """Bytes read from a source and not used yet.

    Parameters
    ----------
    source : BinaryIO
        Anything with ``read(size)``; gzip is recognised by its first bytes.
    block : int
        How many bytes to hold.

    Attributes
    ----------
    held : bytearray
        Bytes read and not used yet.
    ended : bool
        Whether `held` is all that remains.
    offset : int
        Bytes used so far.
    """

    def __init__(self, source: BinaryIO, *, block: int = BLOCK) -> None:
        self.block = block
        self.held = bytearray()
        self.ended = False
        self.offset = 0
        self._source = source
        # A file need not make bytes of what it reads; other sources may only know `read`.
        self._file = source if isinstance(source, io.BufferedIOBase) else None
        self._spare: list[bytearray] = []
        self._gzip: zlib._Decompress | None = None
        self._packed = b""
        self._surplus = memoryview(b"")  # what the source gave unasked
        start = self._read(2)
        if start == b"\x1f\x8b":
            self._gzip = zlib.decompressobj(wbits=31)
            self._packed = start
        else:
            self.held += start

    def fill(self, size: int | None = None) -> bytearray:
        """Hold at least `size` bytes (a block by default), or all that remains; return them."""
        size = size or self.block
        if len(self.held) < size and not self.ended:
            room, filled = self._room(size), len(self.held)
            room[:filled] = self.held
            while filled < len(room):
                # Let go of for sure: a profiler may keep the names of `_next` for a while.
                with memoryview(room) as view, view[filled:] as rest:
                    more = self._next(rest)
                if not more:
                    break
                filled += more
            self.ended = filled < len(room)
            del room[filled:]
            self.held = room
        return self.held

    def more(self) -> bytearray:
        """Hold twice as much: what is held has no end of a row.

        Raises
        ------
        DownloadError
            If a row would be longer than any row is.
        """
        if len(self.held) >= LONGEST_ROW:
            raise DownloadError(
                f"Reading the report stopped at byte {self.offset:,}: a row without an end.",
                hint="The file is damaged, or it is not a report; download it again.",
            )
        # Twice, so that a long row is looked through a few times and not once for every block.
        return self.fill(min(2 * max(len(self.held), self.block), LONGEST_ROW + self.block))

    def use(self, size: int) -> None:
        """Let go of the first `size` bytes held."""
        self.held = self.held[size:]
        self.offset += size

    def take(self, size: int) -> bytearray:
        """Return the first `size` bytes held, and let go of them; only what remains is copied."""
        taken = self.held
        self.use(size)
        try:
            del taken[size:]
        except BufferError:  # somebody still looks at it, such as a profiler
            return taken[:size]
        return taken

    def reuse(self, taken: Bytes) -> None:
        """Read into what `take` returned, once nobody needs it: fresh memory costs more than that.

        The system wipes every page before it gives it away.
        """
        if isinstance(taken, bytearray):
            self._spare.append(taken)

    def give_back(self, unused: bytes) -> None:
        """Take back the bytes used last."""
        self.held = bytearray(unused) + self.held
        self.offset -= len(unused)

    def _room(self, size: int) -> bytearray:
        """Return `size` bytes to read into."""
        while self._spare:
            room = self._spare.pop()
            try:
                del room[min(size, len(room) - 1) :]  # of another size: only then does Python tell
                room += bytes(size - len(room))
            except BufferError:  # a parser still looks at it
                continue
            return room
        return bytearray(size)

    def _next(self, room: memoryview) -> int:
        """Read some bytes of the report into `room`; return how many, none only at its end."""
        if self._file and not self._gzip and not self._surplus:
            return self._file.readinto(room)
        size = min(STEP, len(room))
        more = self._unpacked(size) if self._gzip else self._some(size)
        room[: len(more)] = more
        return len(more)

    def _read(self, size: int) -> bytes:
        """Return exactly `size` bytes, fewer only at the end."""
        parts: list[memoryview] = []
        while size and (part := self._some(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _some(self, size: int) -> memoryview:
        """Return up to `size` bytes, none only at the end."""
        some = self._surplus or self._source.read(size)
        try:
            view = memoryview(some)
        except TypeError as error:
            raise ConfigError(
                f"The report cannot be read: the source gave a {type(some).__name__}, not bytes.",
                hint="Give a file opened with mode 'rb', or anything whose read(size) gives bytes.",
            ) from error
        self._surplus = view[size:]
        return view[:size]

    def _unpacked(self, size: int) -> bytes:
        """Return up to `size` bytes of the unpacked stream; nothing only at its end."""
        while True:
            assert self._gzip is not None
            packed = self._packed or self._read(1 << 20)
            try:
                if self._gzip.eof:  # gzip files may be joined, and padded with zeros
                    while packed and not (packed := packed.lstrip(b"\0")):
                        packed = self._read(1 << 20)
                    if packed:
                        self._gzip = zlib.decompressobj(wbits=31)
                data = self._gzip.decompress(packed, size)
            except zlib.error as error:
                raise DownloadError(
                    "The report is packed with gzip and does not unpack.",
                    hint="Download it again.",
                ) from error
            self._packed = self._gzip.unused_data or self._gzip.unconsumed_tail
            if data or not packed:
                break
        if not data and not self._gzip.eof:
            raise DownloadError(
                f"The gzip file ends too early, after {self.offset + len(self.held):,} bytes of "
                "the report.",
                hint="Download it again.",
            )
        return data


def layout(held: Bytes) -> Literal["csv", "json", "neither"]:
    """Tell a report's format from its first bytes; `other_kind` names what is neither."""
    start = held.removeprefix(BOM).lstrip()[:1]
    if start in (b"{", b"["):
        return "json"
    return "csv" if start and other_kind(held) is None else "neither"


def other_kind(held: Bytes) -> str | None:
    """Say what bytes are that are no report, from their start."""
    start = held.removeprefix(BOM).lstrip()[:5]
    if not start:
        return "empty"
    if start[:1] == b"<":
        return "HTML or XML, a page for a browser or an error of a storage"
    kinds = {
        b"PK\x03\x04": "an Excel workbook or another zip archive",
        b"%PDF": "a PDF",
        b"PAR1": "a Parquet file",
        b"\xff\xfe": "text in UTF-16, as a spreadsheet saves it",
        b"\xfe\xff": "text in UTF-16, as a spreadsheet saves it",
    }
    for magic, kind in kinds.items():
        if start.startswith(magic):
            return kind
    # Further on, a text may hold any character.
    return "some other kind of file" if b"\x00" in held[:1024].partition(b"\n")[0] else None


def is_utf8(data: Bytes) -> bool:
    """Tell whether bytes are UTF-8, without making text of them."""
    if data.isascii():
        return True
    ends = pa.array([0, len(data)], pa.int64()).buffers()[1]
    whole = pa.Array.from_buffers(pa.large_binary(), 1, [None, ends, pa.py_buffer(data)])
    try:
        whole.cast(pa.large_string())
    except pa.ArrowInvalid:
        return False
    return True


def utf8_error(error: UnicodeDecodeError, offset: int) -> DownloadError:
    """Return the error for bytes that are not UTF-8, which every report is."""
    return DownloadError(
        f"The report is not UTF-8 text at byte {offset + error.start:,}.",
        hint="The file is damaged, or a program has saved it in another encoding.",
    )
