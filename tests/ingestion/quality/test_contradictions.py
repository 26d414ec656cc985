from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingestion.quality.findings import Kind, Severity
from tests.ingestion.quality.pages import document, found

if TYPE_CHECKING:
    from ingestion.quality.findings import Finding


def contradictions(one: str, other: str, **about: object) -> list[Finding]:
    first = document("faq.md", f"# Questions\n\n## Sending back\n\nHello there. {one}")
    second = document("shop/money.md", f"# Money\n\n## Deadline\n\n{other}", **about)
    return found(Kind.CONTRADICTION, first, second)


def test_two_figures_for_the_same_thing_are_shown_side_by_side() -> None:
    [finding] = contradictions(
        "Returns are accepted within 30 days.", "Returns are accepted within 14 days."
    )
    here, there = finding.places
    assert finding.severity is Severity.HIGH
    assert "“30 days” against “14 days”" in finding.what
    assert (here.page, here.heading) == ("faq.md", "Sending back")
    assert (there.page, there.heading) == ("shop/money.md", "Deadline")
    assert (here.text, here.start) == ("Returns are accepted within 30 days.", 43)
    assert [here.text[slice(*mark)] for mark in here.marks] == ["30 days"]
    assert [there.text[slice(*mark)] for mark in there.marks] == ["14 days"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The Family plan costs £4.50 a month.", "The Family plan costs £5.95 a month."),
        ("Support answers by 9:00 am.", "Support answers by 10:00 am."),
        ("The sale ends on 1 May 2026.", "The sale ends on May 3, 2026."),
        ("Delivery takes 3–5 working days.", "Delivery takes 5 to 7 working days."),  # noqa: RUF001 - authors write it
        ("A home can hold up to 12 valves.", "A home can hold up to twenty valves."),
        ("Attachments may be 20 MB large.", "The attachments can be 25 MB large."),
        ("You can pause the plan for two weeks.", "You may pause the plan for 3 weeks."),
    ],
)
def test_prices_times_dates_ranges_counts_and_sizes_can_contradict(one: str, other: str) -> None:
    assert len(contradictions(one, other)) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Returns are accepted within 14 days.", "Returns are accepted within two weeks."),
        ("The link works for 24 hours.", "The link works for 1 day."),
        ("The sale ends on 1 May 2026.", "The sale ends on May 1st, 2026."),
        ("Backups are kept for 1 year.", "Backups are kept for 12 months."),
    ],
)
def test_one_value_written_in_two_ways_is_no_contradiction(one: str, other: str) -> None:
    assert contradictions(one, other) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Returns are accepted within 30 days.", "Exchanges are accepted within 14 days."),
        ("Gifts are accepted within 30 days.", "Worn gifts are accepted within 14 days."),
        ("Passwords need at least 8 letters.", "Passwords need at most 64 letters."),
        ("The plan costs £4 a month.", "The plan costs €5 a month."),
        ("Refunds arrive within 5 days.", "Refunds arrive within 3 working days."),
        ("The sale ends on 16 December 2020.", "The sale ends on 16 December."),
        ("The server listens on port 8065.", "The server listens on port 8080."),
        ("The app runs on Windows 10 computers.", "The app runs on Windows 11 computers."),
        ("It takes 5 minutes.", "It takes 20 minutes."),
        ("The default is 30 seconds.", "The default is 60 seconds."),
        ("Wait 30 seconds before adding it.", "Wait 2 minutes before adding it."),
        ("Page reviewed on 1 May 2026.", "Page reviewed on 3 May 2026."),
    ],
)
def test_sentences_about_different_things_do_not_contradict(one: str, other: str) -> None:
    assert contradictions(one, other) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("v1/limits.md", "Limits"), ("v2/caps.md", "Caps")),
        (("policy.md", "Policy"), ("policy-2023.md", "Older policy 2023")),
        (("pro.md", "The Pro plan"), ("all.md", "Accounts")),
        (("one.md", "Reset Wren One"), ("valve.md", "Reset Wren Valve")),
        (("one/reset.md", "Start afresh"), ("valve/reset.md", "Begin again")),
    ],
)
def test_titles_and_paths_that_explain_the_difference_are_heeded(
    first: tuple[str, str], second: tuple[str, str]
) -> None:
    documents = [
        document(page, f"# {title}\n\nUploads are kept for {days} days.")
        for (page, title), days in zip((first, second), (30, 60), strict=True)
    ]
    assert found(Kind.CONTRADICTION, *documents) == []


@pytest.mark.parametrize("about", [{"product": "valve"}, {"audience": "staff"}, {"locale": "de"}])
def test_pages_for_other_readers_do_not_contradict(about: dict[str, object]) -> None:
    own = {"product": "hub", "audience": "public", "locale": "en-GB"}
    texts = [f"Uploads are kept for {days} days." for days in (30, 60)]
    one = document("a.md", f"# Storage\n\n{texts[0]}", **own)
    other = document("b.md", f"# Files\n\n{texts[1]}", **{**own, **about})
    assert found(Kind.CONTRADICTION, one, other) == []
    undeclared = document("b.md", f"# Files\n\n{texts[1]}")
    assert len(found(Kind.CONTRADICTION, one, undeclared)) == 1


def test_a_form_that_many_pages_fill_in_is_no_statement() -> None:
    documents = [
        document(f"{name}.md", f"# {name}\n\nOur shop there opens at {hour}:00 am.")
        for hour, name in enumerate(("Leeds", "York", "Hull", "Bath"), start=6)
    ]
    assert found(Kind.CONTRADICTION, *documents) == []
    assert len(found(Kind.CONTRADICTION, *documents[:2])) == 1


def test_one_page_does_not_contradict_itself() -> None:
    page = document("a.md", "# A\n\nUploads are kept for 3 days.\n\nUploads are kept for 5 days.")
    assert found(Kind.CONTRADICTION, page) == []
