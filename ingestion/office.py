"""What Word, PowerPoint and Excel files have in common: a ZIP package of XML parts."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from ingestion.sources.source import SkipReason
from ingestion.unpacking import Unpacking, opened
from ingestion.unusable import Unusable
from retrieval.errors import UnreadableDocument

if TYPE_CHECKING:
    import zipfile

    from ingestion.limits import ReadingLimits
    from ingestion.sources.source import SourceFile

# The container of Office before 2007, which later versions put an encrypted package in.
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_XML = (".xml", ".rels", ".vml")
_PROPERTIES = "docProps/core.xml"
_TITLE = "{http://purl.org/dc/elements/1.1/}title"
_MODIFIED = "{http://purl.org/dc/terms/}modified"


@dataclass(frozen=True, slots=True)
class Package:
    """An office file that is safe to open.

    Attributes:
        stream: Its bytes.
        title: The title in its properties; empty when there is none.
        updated: When it was last saved, in ISO form, if it says so.
    """

    stream: BytesIO
    title: str
    updated: str | None


def open_package(file: SourceFile, limits: ReadingLimits, *, tree_bytes: int) -> Package:
    """Unpack an office file once, counting, before a library unpacks it without.

    Args:
        file: A DOCX, PPTX or XLSX file.
        limits: What it may unpack to.
        tree_bytes: What its XML may unpack to.

    Returns:
        The package.

    Raises:
        UnreadableDocument: It is encrypted, of the old binary format, a bomb, or its XML
            declares entities.
        BadZipFile: It is no package.
    """
    if file.data.startswith(_OLE):
        raise _older(file)
    unpacking = opened(file.data, limits, most=limits.unpacked_bytes)
    with unpacking.archive as archive:
        left = tree_bytes
        for member in archive.infolist():
            left -= _checked(unpacking, member)
            if left < 0:
                raise Unusable(
                    SkipReason.BEYOND_READING,
                    f"Its XML unpacks to more than {tree_bytes / 1e6:.0f} MB.",
                    hint="Split it.",
                )
        title, updated = _properties(archive)
    return Package(BytesIO(file.data), title, updated)


def _older(file: SourceFile) -> UnreadableDocument:
    if _ENCRYPTED_PACKAGE in file.data:
        return Unusable(
            SkipReason.ENCRYPTED, f"{file.page} has a password.", hint="Save it without one."
        )
    return UnreadableDocument(
        f"{file.page} is of the format before Office 2007.", hint="Save it in the current one."
    )


def _checked(unpacking: Unpacking, member: zipfile.ZipInfo) -> int:
    """How much XML a part is, having looked for what no package may hold."""
    is_xml = member.filename.lower().endswith(_XML)
    size, end = 0, b""
    for piece in unpacking.pieces(member):
        if is_xml:
            size += len(piece)
            end = _without_declarations(end + piece, member)
    return size


def _without_declarations(text: bytes, member: zipfile.ZipInfo) -> bytes:
    """The end of a text, where a declaration might begin that goes on in the next piece."""
    # The standard forbids them in packages (ECMA-376, part 2); entities are how XML explodes.
    if b"<!DOCTYPE" in text.replace(b"\0", b""):
        raise Unusable(
            SkipReason.UNSAFE, f"{member.filename} declares a document type, as XML bombs do."
        )
    return text[-2 * len("<!DOCTYPE") :]


def _properties(archive: zipfile.ZipFile) -> tuple[str, str | None]:
    if _PROPERTIES not in archive.namelist():
        return "", None
    root = ET.fromstring(archive.read(_PROPERTIES))  # noqa: S314 - it declares no entities
    return root.findtext(_TITLE) or "", root.findtext(_MODIFIED)
