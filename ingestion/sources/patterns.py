"""Patterns of pages, written as in a `.gitignore`."""

from __future__ import annotations

from functools import cache

from pathspec import GitIgnoreSpec

from retrieval.errors import BadInput

# These mean something else in a .gitignore, or can never match the name of a page.
_MISLEADING = ("!", "#", "./", "../", "\\")


def matches(page: str, *patterns: str) -> bool:
    """Whether a page is meant by any of the patterns.

    Args:
        page: Its name, with forward slashes.
        patterns: `internal/**` is all below that folder, `*.pdf` any such file.

    Raises:
        BadInput: A pattern is not one.
    """
    return _compiled(patterns).match_file(page)


def check_pattern(pattern: str) -> str:
    """The pattern, once it is sure that it can be used.

    Raises:
        BadInput: It cannot.
    """
    if not pattern.strip() or pattern.startswith(_MISLEADING):
        raise BadInput(
            f"'{pattern}' is not a pattern of pages.",
            hint="Write it from the top of the source, such as internal/** or *.pdf.",
        )
    return pattern


@cache
def _compiled(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    return GitIgnoreSpec.from_lines(map(check_pattern, patterns))
