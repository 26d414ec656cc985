"""What is embedded ahead of a passage: where it stands on its page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

_BETWEEN = " > "
_ELLIPSIS = "…"


class TokenCounter(Protocol):
    """Says how long a text is to the embedder."""

    def count(self, text: str) -> int:
        """How many tokens the embedder makes of the text, its special ones included."""
        ...


def breadcrumb(title: str, headings: Sequence[str], tokenizer: TokenCounter, limit: int) -> str:
    """Say where a passage stands: "Title > Section > Subsection".

    Args:
        title: The page's title.
        headings: The headings above the passage, outermost first.
        tokenizer: Counts tokens.
        limit: How many there may be.

    Returns:
        The breadcrumb; when it is too long the middle goes first, then ends of headings.
    """
    names = [name for name in (title, *headings) if name]
    whole = _BETWEEN.join(names)
    if tokenizer.count(whole) <= limit or len(names) <= 1:
        return shortened(whole, tokenizer, limit)
    # The innermost heading says most about the passage, so the title gives way to it.
    first, *between, last = names
    title = shortened(first, tokenizer, limit // 2)
    kept = [title, _ELLIPSIS, last] if between else [title, last]
    return shortened(_BETWEEN.join(kept), tokenizer, limit)


def shortened(text: str, tokenizer: TokenCounter, limit: int) -> str:
    """A text's beginning, in whole words while there are any, that is at most so many tokens.

    Args:
        text: What to shorten.
        tokenizer: Counts tokens.
        limit: How many there may be.

    Returns:
        The text, or its beginning and an ellipsis; empty when not even that fits.
    """
    kept = text
    while kept and tokenizer.count(kept) > limit:
        head = kept.removesuffix(_ELLIPSIS)
        head = head[: len(head) * 4 // 5].rstrip()
        words, _, _ = head.rpartition(" ")
        kept = f"{words or head}{_ELLIPSIS}" if len(head) > 1 else ""
    return kept
