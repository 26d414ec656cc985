"""Links between the documents that lead to no page, or to no heading."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rapidfuzz import fuzz, process

from ingestion.quality.findings import Finding, Kind, Place
from ingestion.quality.page import name_of
from ingestion.quality.site import Site, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_core.documents import Document

    from ingestion.quality.site import Around, Resolved

_KINDS = {Verdict.NO_PAGE: Kind.BROKEN_LINK, Verdict.NO_HEADING: Kind.BROKEN_FRAGMENT}
# Below it, a name that is suggested is rarely the one that was meant.
_LIKENESS = 75


@dataclass(frozen=True, slots=True)
class LinkReport:
    """What became of the links.

    Attributes:
        counts: How many links there are of each verdict.
        findings: Those that are broken, once for each place they lead to.
    """

    counts: Mapping[Verdict, int]
    findings: tuple[Finding, ...]


def check_links(documents: Sequence[Document], around: Around) -> LinkReport:
    """Follow every link among the documents, without a network.

    Args:
        documents: The documents; metadata `links` holds a page's hrefs as authored.
        around: What is known of their surroundings.
    """
    site = Site(documents, around)
    counts: Counter[Verdict] = Counter()
    broken: dict[Resolved, list[Place]] = defaultdict(list)
    for document in documents:
        for href in document.metadata.get("links") or ():
            resolved = site.resolve(document, href)
            counts[resolved.verdict] += 1
            if resolved.verdict in _KINDS:
                broken[resolved].append(Place(name_of(document), text=href))
    return LinkReport(counts, tuple(_finding(site, *found) for found in broken.items()))


def _finding(site: Site, resolved: Resolved, places: list[Place]) -> Finding:
    distinct = tuple(dict.fromkeys(places))
    pages = tuple(dict.fromkeys(place.page for place in distinct))
    linking = "1 page links" if len(pages) == 1 else f"{len(pages)} pages link"
    if resolved.verdict is Verdict.NO_PAGE:
        what = f"{linking} to “{resolved.target}”, which is not there."
    else:
        what = (
            f"{linking} to “#{resolved.fragment}” on {resolved.target}, which has no such heading."
        )
    if meant := _meant(site, resolved):
        what += f" Perhaps “{meant}” is meant."
    return Finding(_KINDS[resolved.verdict], what, pages, distinct, len(places))


def _meant(site: Site, resolved: Resolved) -> str:
    """The name that is there and most like the one that is not; empty when none is."""
    if resolved.verdict is Verdict.NO_PAGE:
        return site.namesake(resolved.target)
    choices = site.fragments(resolved.target)
    best = process.extractOne(resolved.fragment, choices, scorer=fuzz.ratio, score_cutoff=_LIKENESS)
    return f"#{best[0]}" if best else ""
