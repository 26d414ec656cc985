"""EML to blocks: what the sender wrote, and the files attached to it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ingestion.canonical import paragraphs
from ingestion.decoding import decode, printable
from ingestion.html import fragment_links, parsed, read_fragment
from ingestion.page import Page, told_apart
from ingestion.sources.files import SUFFIXES
from ingestion.sources.source import Skipped, SkipReason, SourceFile
from ingestion.unusable import Unusable
from retrieval.errors import UnreadableDocument

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from email.message import EmailMessage, MIMEPart

    from ingestion.limits import ReadingLimits

_ENCRYPTED = frozenset({"multipart/encrypted", "application/pkcs7-mime"})
_FORWARDED = re.compile(r"\s*(?:fwd?|wg|tr|rv|enc)\s*:", re.IGNORECASE)
# How mail programs mark up the message replied to, and the signature.
_QUOTED = (
    "blockquote[type=cite], .gmail_quote, .gmail_signature, .moz-cite-prefix, .moz-signature, "
    ".yahoo_quoted, .protonmail_quote, .protonmail_signature_block"
)
# Outlook marks only where the message replied to begins.
_QUOTED_FROM = "#appendonsend, #divRplyFwdMsg"
_SIGNATURE = re.compile(r"^-- \n.*", re.MULTILINE | re.DOTALL)
_ORIGINAL = re.compile(
    r"^(?:-{3,}[^\n-]+-{3,}|_{10,})[ \t]*\n\s*(?:\w[^\n:]{0,20}: [^\n]+\n){2}.*",
    re.MULTILINE | re.DOTALL,
)
_MOST_ATTRIBUTION_LINES = 2
_DATE_OR_ADDRESS = re.compile(r"[\d@]")


def read_mail(file: SourceFile, limits: ReadingLimits) -> Page:
    """Read a message, without the one it replies to and without its signature.

    Args:
        file: An EML file.
        limits: How many attachments are read.

    Returns:
        What it says under its subject, with its attachments as further files.

    Raises:
        UnreadableDocument: It is encrypted, or no message.
    """
    message = message_from_bytes(file.data, policy=policy.default)
    if not message.keys():
        raise UnreadableDocument(f"{file.page} is no message: it has no header.")
    if message.get_content_type() in _ENCRYPTED:
        raise Unusable(
            SkipReason.ENCRYPTED, f"{file.page} is an encrypted message.", hint="Save its text."
        )
    subject = printable(str(message["subject"] or ""))
    further = tuple(_attachments(message, file, limits.attachments))
    body = message.get_body(("html", "plain"))
    page = Page((), subject, updated=_sent(message), further=further)
    if body is None:
        return page
    return _with_body(page, body, whole=_FORWARDED.match(subject) is not None)


def _sent(message: EmailMessage) -> str | None:
    sent = getattr(message["date"], "datetime", None)
    return sent.isoformat() if sent else None


def _with_body(page: Page, body: MIMEPart, *, whole: bool) -> Page:
    """The page with the text of a message; `whole` keeps what it quotes."""
    text = _text(body)
    if body.get_content_subtype() == "plain":
        return replace(page, blocks=paragraphs(text if whole else _own_words(text)))
    html = text if whole else _own_markup(text)
    return replace(page, blocks=read_fragment(html), links=fragment_links(html))


def _text(part: MIMEPart) -> str:
    """A part's text; when it is not in the encoding it names, in the one it seems to be in."""
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        # A part that calls itself text and holds messages.
        return ""
    try:
        text = data.decode(part.get_content_charset("utf-8"))
    except (LookupError, UnicodeDecodeError):
        return decode(data)
    return printable(text.replace("\r\n", "\n"))


def _own_markup(html: str) -> str:
    tree = parsed(html)
    # One at a time: a quotation inside another goes with it.
    while (node := tree.css_first(_QUOTED)) is not None:
        node.decompose()
    while (node := tree.css_first(_QUOTED_FROM)) is not None:
        while node.next is not None:
            node.next.decompose()
        node.decompose()
    return html if tree.body is None or not tree.body.text().strip() else tree.html or ""


def _own_words(text: str) -> str:
    own = _without_trailing_quote(_SIGNATURE.sub("", _ORIGINAL.sub("", text)))
    return own if own.strip() else text


def _without_trailing_quote(text: str) -> str:
    """Text without the quotation it ends in; quotations that are answered in between stay."""
    lines = text.rstrip().split("\n")
    end = len(lines)
    while end and (lines[end - 1].startswith(">") or not lines[end - 1].strip()):
        end -= 1
    if end == len(lines):
        return text
    start = _attribution(lines[:end])
    return "\n".join(lines[:start])


def _attribution(lines: Sequence[str]) -> int:
    """Where the lines begin that say who wrote what is quoted below; else how many there are."""
    start = len(lines)
    while start and lines[start - 1].strip():
        start -= 1
    said = " ".join(lines[start:])
    is_short = len(lines) - start <= _MOST_ATTRIBUTION_LINES
    if is_short and said.rstrip().endswith(":") and _DATE_OR_ADDRESS.search(said):
        return start
    return len(lines)


def _attachments(
    message: EmailMessage, file: SourceFile, most: int
) -> Iterator[SourceFile | Skipped]:
    seen: Counter[str] = Counter()
    for part in message.iter_attachments():
        name = PurePosixPath((part.get_filename() or "").replace("\\", "/")).name
        # Logos and signatures are attachments too, and of no interest.
        if not name.lower().endswith(SUFFIXES):
            continue
        page = f"{file.page}/{told_apart(printable(name), seen)}"
        data = part.get_payload(decode=True)
        if seen.total() > most:
            detail = f"{most} attachments are read."
            yield Skipped(page, SkipReason.BEYOND_READING, detail)
            return
        if isinstance(data, bytes):
            yield SourceFile(page, data, file.modified)
        else:
            detail = "It is a message in a message; save it as a file."
            yield Skipped(page, SkipReason.UNSUPPORTED, detail)
