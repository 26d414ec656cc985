"""Bytes to text, whatever wrote them."""

from __future__ import annotations

import codecs
import re

import charset_normalizer

from retrieval.errors import UnreadableDocument

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    # UTF-32 first: its little-endian mark begins with UTF-16's.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What browsers still decode, the Web's default first; left to itself the guesser finds the
# code pages of DOS and the old Macintosh in French.
_LEGACY = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
    *("cp874", "iso8859_2", "koi8_r", "shift_jis", "euc_jp", "euc_kr", "gb18030", "big5"),
)
# How `surrogateescape` marks a byte that is not UTF-8, and what the byte most likely meant.
_STRAYS = {chr(0xDC00 + byte): bytes([byte]).decode("cp1252", "ignore") for byte in range(128, 256)}
_NEWLINES = re.compile(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffd]")
_CONTROL_BYTES = bytes({*range(0x20)} - set(b"\t\n\x0b\x0c\r\x1b"))
_SAMPLE = 65_536
# Text has next to no control bytes; compressed data is about one tenth of them.
_CONTROL_SHARE, _STRAY_CONTROLS = 0.02, 3
# In UTF-16 nearly every other byte of a Latin text is NUL, and every space of any other
# alphabet: about one character in seven.
_NUL_SHARE = 0.1


def decode(data: bytes, *, page: str = "the document") -> str:
    """Turn a file's bytes into text with Unix line ends and no unprintable characters.

    Args:
        data: The whole file.
        page: What to call it when it cannot be read.

    Returns:
        The text, without a byte order mark.

    Raises:
        UnreadableDocument: The bytes are not text in any known encoding.
    """
    if looks_binary(data):
        raise UnreadableDocument(f"{page} is not text: it holds binary data.")
    mark, encoding = _declared(data)
    try:
        text = data[len(mark) :].decode(encoding or "utf-8")
    except UnicodeDecodeError:
        if encoding not in {None, "utf-8"}:
            raise UnreadableDocument(f"{page} is damaged {encoding} text.") from None
        text = _repaired(data) or _guessed(data, page)
    return printable(_NEWLINES.sub("\n", text))


def printable(text: str) -> str:
    """The text without characters that cannot be shown or stored."""
    return _UNPRINTABLE.sub("", text)


def looks_binary(data: bytes) -> bool:
    """Whether the bytes are something other than text, judged by their beginning."""
    sample = data[:_SAMPLE]
    if _declared(sample)[1]:
        return False
    if b"\0" in sample:
        return True
    controls = len(sample) - len(sample.translate(None, _CONTROL_BYTES))
    return controls > _CONTROL_SHARE * len(sample) + _STRAY_CONTROLS


def _declared(data: bytes) -> tuple[bytes, str | None]:
    """The byte order mark and the encoding that it, or a UTF-16 pattern, gives away."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return mark, encoding
    return b"", _unmarked_utf16(data)


def _unmarked_utf16(data: bytes) -> str | None:
    if not data or len(data) % 2:
        return None
    sample = data[:_SAMPLE]
    half = len(sample) // 2
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if not even and odd >= _NUL_SHARE * half:
        return "utf-16-le"
    if not odd and even >= _NUL_SHARE * half:
        return "utf-16-be"
    return None


def _repaired(data: bytes) -> str:
    """UTF-8 with some bytes pasted in from elsewhere, mended; empty when it is not UTF-8."""
    text = data.decode("utf-8", errors="surrogateescape")
    strays = sum(char in _STRAYS for char in text)
    if sum(not char.isascii() for char in text) < 2 * strays:
        return ""
    return "".join(_STRAYS.get(char, char) for char in text)


def _guessed(data: bytes, page: str) -> str:
    matches = charset_normalizer.from_bytes(data, cp_isolation=list(_LEGACY))
    best = matches.best()
    if best is None:
        raise UnreadableDocument(
            f"{page} is in no encoding that could be recognised.", hint="Save it as UTF-8."
        )
    # A text too short to show its language fits a dozen encodings equally well.
    if not best.coherence and any(match.encoding == _LEGACY[0] for match in matches):
        return data.decode(_LEGACY[0])
    return str(best)
