"""What can be wrong with documents, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a customer is harmed, the worst first."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Kind(StrEnum):
    """What is wrong, in the order in which findings of equal severity are told."""

    CONTRADICTION = "contradiction"
    BROKEN_LINK = "broken-link"
    BROKEN_FRAGMENT = "broken-fragment"
    IDENTICAL_PAGES = "identical-pages"
    SIMILAR_PAGES = "similar-pages"
    REPEATED_PASSAGE = "repeated-passage"
    REVIEW_OVERDUE = "review-overdue"
    STALE = "stale"
    DUPLICATE_TITLE = "duplicate-title"
    THIN_PAGE = "thin-page"
    EMPTY_HEADING = "empty-heading"


@dataclass(frozen=True, slots=True)
class About:
    """What a reader should know of a kind of finding.

    Attributes:
        label: Its name on the page, in the plural.
        meaning: What it is and why it matters.
        advice: What to do about it.
        severity: How bad each is.
    """

    label: str
    meaning: str
    advice: str
    severity: Severity


ABOUT = {
    Kind.CONTRADICTION: About(
        "Contradictions",
        "Two pages say the same sentence with different figures: a customer may be told either.",
        "Find out which figure holds and correct the other page, or say on both when each applies.",
        Severity.HIGH,
    ),
    Kind.BROKEN_LINK: About(
        "Links to missing pages",
        "A link inside the documents leads to a page that is not among them.",
        "Point the link at the page that took its place, or take it out.",
        Severity.HIGH,
    ),
    Kind.BROKEN_FRAGMENT: About(
        "Links to missing headings",
        "The page that a link leads to is there, the heading it names is not: readers land at the "
        "top of the page.",
        "Use the fragment of a heading that the page has.",
        Severity.LOW,
    ),
    Kind.IDENTICAL_PAGES: About(
        "Identical pages",
        "The same page stands under several names. A change to one of them is soon forgotten in "
        "the others.",
        "Keep one and lead the others' readers to it.",
        Severity.MEDIUM,
    ),
    Kind.SIMILAR_PAGES: About(
        "Nearly identical pages",
        "Pages that have most of their runs of three words in common. The first sentences that one "
        "has and the other lacks are shown; where they disagree, one may be out of date.",
        "Merge them, or make plain in their titles when each applies.",
        Severity.MEDIUM,
    ),
    Kind.REPEATED_PASSAGE: About(
        "Repeated passages",
        "Passages that stand word for word on several pages have to be corrected on each of them.",
        "Say it on one page and link to it from the others.",
        Severity.LOW,
    ),
    Kind.REVIEW_OVERDUE: About(
        "Reviews overdue",
        "The date by which someone was to look at the page again has passed.",
        "Review the page and give it a new date.",
        Severity.MEDIUM,
    ),
    Kind.STALE: About(
        "Pages not updated for long",
        "By their own date, these pages have not been changed for longer than agreed.",
        "Check that the page still holds, and renew its date.",
        Severity.LOW,
    ),
    Kind.DUPLICATE_TITLE: About(
        "Titles used more than once",
        "Customers and search results cannot tell pages of the same title apart.",
        "Name in each title what sets its page apart.",
        Severity.LOW,
    ),
    Kind.THIN_PAGE: About(
        "Thin pages",
        "Pages with hardly any prose answer nothing. Pictures, videos and parts that are put in "
        "when the page is published do not count: a reply cannot quote them.",
        "Write what customers come for, or merge the page into another.",
        Severity.LOW,
    ),
    Kind.EMPTY_HEADING: About(
        "Headings without text",
        "A heading promises an answer, and no text follows before the next one. A picture, a video "
        "or a part put in when the page is published may: a reply cannot quote those.",
        "Write the section or take the heading out.",
        Severity.LOW,
    ),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where on a page something was found.

    Attributes:
        page: The page's name.
        heading: The headings above the text, joined with " > "; empty when there is none.
        text: What stands there, as the page has it.
        start: The text's offset on the page; None where it is not part of the page's text.
        marks: Spans within the text to look at.
    """

    page: str
    heading: str = ""
    text: str = ""
    start: int | None = None
    marks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind: What sort of thing.
        what: What is wrong, in a sentence.
        pages: All pages it concerns, at least one.
        places: The texts that show it.
        weight: Puts findings of one kind in order, the heaviest first.
    """

    kind: Kind
    what: str
    pages: tuple[str, ...]
    places: tuple[Place, ...] = ()
    weight: float = 0.0

    @property
    def severity(self) -> Severity:
        """How much a customer is harmed."""
        return ABOUT[self.kind].severity

    @property
    def advice(self) -> str:
        """What to do about it."""
        return ABOUT[self.kind].advice
