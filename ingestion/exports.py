"""Help-centre exports to documents: what the APIs of Zendesk, Intercom and Freshdesk list."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from ingestion.decoding import decode, printable
from ingestion.html import fragment_links, read_fragment
from ingestion.page import Page, document_of, told_apart
from ingestion.sources.source import Skipped, SkipReason
from ingestion.unusable import Unusable, guarded, skipped
from retrieval.errors import UnreadableDocument

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.documents import Document

    from ingestion.sources.source import SourceFile

Article: TypeAlias = Mapping[str, object]

# Zendesk and Intercom write HTML to `body`; Intercom also has a summary, `description`, which
# is what Freshdesk calls the HTML. Categories and folders have a `name` and no `title`.
_BODIES = ("body", "description")
# Zendesk's `url` is the API's, so `html_url` goes first.
_URLS = ("html_url", "url")
_LOCALES = ("locale", "default_locale", "language")
_UPDATED = ("edited_at", "updated_at", "created_at")
# In Freshdesk 1 is a draft and 2 is published.
_UNPUBLISHED = (1, "1", "draft", "unpublished", "archived", "deleted")
_NO_WORD = re.compile(r"[\W_]+")
_LONGEST_SLUG = 80


def read_export(file: SourceFile) -> Iterator[Document | Skipped]:
    """Read the articles of a JSON or JSON Lines export.

    Articles may be in any envelope (`{"articles": [...]}`, `{"data": [...]}`, categories of
    folders of articles), in none, or one to a line.

    Args:
        file: The export.

    Returns:
        A document for each article in each of its languages, named after its id and title;
        drafts and what cannot be read are skipped.

    Raises:
        UnreadableDocument: It is no JSON, or holds no article.
    """
    seen: Counter[str] = Counter()
    found = False
    for value in _values(file):
        if isinstance(value, Skipped):
            yield value
            continue
        for article in _articles(value):
            found = True
            yield _document(f"{file.page}/{told_apart(_name(article), seen)}", article)
    if not found:
        raise Unusable(
            SkipReason.UNSUPPORTED,
            f"{file.page} lists no articles with a title and a body.",
            hint="Exports of Zendesk Guide, Intercom and Freshdesk are read.",
        )


def _values(file: SourceFile) -> Iterator[object]:
    text = decode(file.data, page=file.page)
    try:
        yield json.loads(text)
    except json.JSONDecodeError as error:
        if file.page.lower().endswith(".json") and error.msg != "Extra data":
            raise UnreadableDocument(
                f"{file.page} is not JSON: {error}.", hint="Export it again."
            ) from None
        yield from _lines(file.page, text)


def _lines(page: str, text: str) -> Iterator[object]:
    for number, line in enumerate(text.split("\n"), start=1):
        try:
            if line.strip():
                yield json.loads(line)
        except json.JSONDecodeError as error:
            yield Skipped(f"{page}/line {number}", SkipReason.UNPARSABLE, f"No JSON: {error}.")


def _articles(value: object) -> Iterator[Article]:
    """The articles anywhere in a value, each followed by its translations."""
    if isinstance(value, list):
        for item in value:
            yield from _articles(item)
    elif isinstance(value, Mapping):
        if _is_article(value):
            yield value
            yield from _translations(value)
        else:
            yield from _articles(list(value.values()))


def _is_article(value: Article) -> bool:
    return isinstance(value.get("title"), str) and any(key in value for key in _BODIES)


def _translations(article: Article) -> Iterator[Article]:
    """Intercom's other languages, by their locale; its own is the article itself."""
    content = article.get("translated_content")
    if isinstance(content, Mapping):
        for locale, translation in content.items():
            if locale == article.get("default_locale") or not isinstance(translation, Mapping):
                continue
            if _is_article(translation):
                yield {"id": article.get("id"), **translation, "locale": locale}


def _name(article: Article) -> str:
    words = _NO_WORD.sub("-", _text(article, "title").lower())[:_LONGEST_SLUG].strip("-")
    return "-".join(filter(None, (_text(article, "id"), words))) or "article"


def _document(name: str, article: Article) -> Document | Skipped:
    if article.get("draft") is True or _state(article) in _UNPUBLISHED:
        return Skipped(name, SkipReason.UNPUBLISHED, "It is a draft; publish it to have it read.")
    try:
        with guarded(name):
            return document_of(name, _page(article))
    except UnreadableDocument as error:
        return skipped(name, error)


def _state(article: Article) -> object:
    """What stage an article is at: Intercom says `state`, Freshdesk `status`."""
    return article.get("state", article.get("status"))


def _page(article: Article) -> Page:
    html = _text(article, *_BODIES)
    return Page(
        read_fragment(html),
        title=_text(article, "title"),
        locale=_text(article, *_LOCALES) or None,
        updated=_time(article),
        url=_text(article, *_URLS),
        links=fragment_links(html),
        front={"audience": _audience(article), "product": article.get("product")},
    )


def _audience(article: Article) -> object:
    """Who may read it: Zendesk shows an article with a user segment to nobody else."""
    segment = article.get("user_segment_id")
    return f"segment-{segment}" if segment else article.get("audience")


def _text(article: Article, *keys: str) -> str:
    """The first of the keys that holds words or a number; empty when none does."""
    values = (article.get(key) for key in keys)
    texts = (printable(str(value)).strip() for value in values if isinstance(value, str | int))
    return next(filter(None, texts), "")


def _time(article: Article) -> str | None:
    """When it last changed; Intercom counts the seconds since 1970."""
    text = _text(article, *_UPDATED)
    return datetime.fromtimestamp(int(text), UTC).isoformat() if text.isdecimal() else text or None
