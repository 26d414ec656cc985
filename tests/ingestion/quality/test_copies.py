from __future__ import annotations

from pathlib import Path

import pytest

from ingestion.parsing import parse
from ingestion.quality.findings import Kind
from ingestion.quality.report import Limits
from ingestion.sources.files import FolderSource
from ingestion.sources.source import SourceFile
from tests.ingestion.quality.pages import document, found, report

HELP_CENTRE = Path(__file__).parents[3] / "examples" / "help-centre"
STORY = (
    "The hub keeps a record of every temperature that a valve reports. When the network is down, "
    "it writes that record to its own memory and sends it on as soon as the router answers again. "
    "Nothing is lost as long as the hub has power. After a longer cut the oldest values make way "
    "for newer ones, which the energy report shows as a gap in the curve."
)


def test_pages_that_say_the_same_are_told_as_one_group() -> None:
    documents = [document(f"{name}.md", f"# Memory\n\n{STORY}", title=name) for name in "abc"]
    [finding] = found(Kind.IDENTICAL_PAGES, *documents, document("d.md", "# Other\n\nText."))
    assert finding.pages == ("a.md", "b.md", "c.md")
    assert [place.text for place in finding.places] == ["a", "b", "c"]


def test_copies_for_other_readers_are_meant() -> None:
    documents = [document(f"{name}.md", f"# M\n\n{STORY}", product=name) for name in ("one", "two")]
    kinds = {finding.kind for finding in report(*documents).findings}
    assert not kinds & {Kind.IDENTICAL_PAGES, Kind.REPEATED_PASSAGE, Kind.DUPLICATE_TITLE}


def test_nearly_identical_pages_show_the_sentences_that_differ() -> None:
    edited = STORY.replace("the oldest values make way", "the newest values are dropped")
    one, other = document("a.md", f"# Memory\n\n{STORY}"), document("b.md", f"# Store\n\n{edited}")
    [finding] = found(Kind.SIMILAR_PAGES, one, other)
    assert finding.pages == ("a.md", "b.md")
    assert 0.7 <= finding.weight < 1
    assert [place.page for place in finding.places] == ["a.md", "b.md"]
    assert finding.places[1].text.startswith("After a longer cut the newest values are dropped")


def test_how_alike_pages_may_be_is_a_choice() -> None:
    edited = STORY.replace("Nothing is lost as long as the hub has power. ", "")
    pages = document("a.md", f"# Memory\n\n{STORY}"), document("b.md", f"# Memory\n\n{edited}")
    assert len(found(Kind.SIMILAR_PAGES, *pages, limits=Limits(similarity=0.7))) == 1
    assert found(Kind.SIMILAR_PAGES, *pages, limits=Limits(similarity=0.95)) == []


def test_copies_of_real_pages_are_found_among_the_others() -> None:
    files = [file for file in FolderSource(HELP_CENTRE).read() if isinstance(file, SourceFile)]
    documents = [parse(file) for file in files]
    long = [page for page in documents if len(page.page_content.split()) > 150]
    for page in long[:10]:
        copy = page.model_copy(deep=True)
        lines = copy.page_content.split("\n")
        lines[-1] += " We wrote this at the end of a copy."
        copy.page_content = "\n".join(lines)
        copy.metadata |= {"page": f"old/{copy.metadata['page']}"}
        documents.append(copy)
    findings = found(Kind.SIMILAR_PAGES, *documents)
    pairs = {finding.pages for finding in findings}
    assert pairs == {
        (page.metadata["page"].removeprefix("old/"), page.metadata["page"])
        for page in documents[len(files) :]
    }


def test_a_passage_on_several_pages_is_told_once_for_those_pages() -> None:
    first, second = STORY.split(" Nothing is lost")
    filler = " ".join(f"word{at}" for at in range(100))
    documents = [
        document("a.md", f"# A\n\n{first}\n\nOnly here.\n\nNothing is lost{second}"),
        document(
            "b.md",
            f"# B\n\n## Power\n\n- {first}\n\n{filler}\n\nNothing is lost{second}",
        ),
        document("c.md", f"# C\n\n{filler[::-1]}\n\n{first}"),
    ]
    findings = found(Kind.REPEATED_PASSAGE, *documents)
    assert [finding.pages for finding in findings] == [("a.md", "b.md", "c.md"), ("a.md", "b.md")]
    assert findings[0].what == "3 pages share a passage, 36 words in all, word for word."
    assert (findings[0].places[0].page, findings[0].places[0].text) == ("a.md", first)


def test_passages_of_copied_pages_are_not_told_again() -> None:
    documents = [document(f"{name}.md", f"# Memory\n\n{STORY}") for name in "ab"]
    assert found(Kind.REPEATED_PASSAGE, *documents) == []


@pytest.mark.parametrize(("words", "findings"), [(10, 1), (11, 0)])
def test_short_passages_may_repeat(words: int, findings: int) -> None:
    text = "one two three four five six seven eight nine ten"
    documents = [document(f"{name}.md", f"# {name}\n\n{text}\n\n{name}") for name in "ab"]
    limits = Limits(passage_words=words)
    assert len(found(Kind.REPEATED_PASSAGE, *documents, limits=limits)) == findings
