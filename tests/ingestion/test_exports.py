from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ingestion.sources.source import SkipReason
from tests.ingestion.samples import only, read, reasons, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_core.documents import Document

# Each with the fields that the vendor's API answers with, as far as they matter here.
ZENDESK: Mapping[str, object] = {
    "id": 115,
    "url": "https://shop.zendesk.example/api/v2/help_center/en-us/articles/115.json",
    "html_url": "https://shop.zendesk.example/hc/en-us/articles/115-Opening-hours",
    "title": "Opening hours",
    "name": "Opening hours",
    "body": "<h2>In May</h2><p>From <a href='/hc/nine'>nine</a>.</p>",
    "locale": "en-us",
    "draft": False,
    "user_segment_id": None,
    "updated_at": "2024-05-06T07:08:09Z",
}
INTERCOM: Mapping[str, object] = {
    "type": "article",
    "id": "115",
    "title": "Opening hours",
    "description": "When we open",
    "body": "<h2>In May</h2><p>From <a href='/hc/nine'>nine</a>.</p>",
    "url": "https://help.shop.example/en/articles/115-opening-hours",
    "default_locale": "en",
    "state": "published",
    "updated_at": 1714972089,
}
FRESHDESK: Mapping[str, object] = {
    "id": 115,
    "type": 1,
    "title": "Opening hours",
    "description": "<h2>In May</h2><p>From <a href='/hc/nine'>nine</a>.</p>",
    "description_text": "In May From nine.",
    "status": 2,
    "folder_id": 7,
    "updated_at": "2024-05-06T07:08:09Z",
}


def exported(*articles: Mapping[str, object]) -> tuple[list[Document], dict[str, SkipReason]]:
    documents, skipped = read("e.json", json.dumps(articles))
    return documents, reasons(skipped)


@pytest.mark.parametrize("article", [ZENDESK, INTERCOM, FRESHDESK])
@pytest.mark.parametrize(
    "envelope",
    [
        '{{"count": 1, "articles": [{}], "next_page": null}}',
        '{{"type": "list", "data": [{}], "pages": {{"page": 1}}}}',
        '{{"category": {{"name": "C", "description": "d", "folders": [{{"articles": [{}]}}]}}}}',
        "[{}]",
        "{}",
    ],
)
def test_every_vendor_in_every_envelope_reads_alike(
    article: Mapping[str, object], envelope: str
) -> None:
    document = only("e.json", envelope.format(json.dumps(article)))
    assert document.page_content == "## In May\n\nFrom nine."
    assert document.metadata["page"] == "e.json/115-opening-hours"
    assert document.metadata["title"] == "Opening hours"
    assert document.metadata["updated"].startswith("2024-05-06T0")
    assert document.metadata["links"] == ["/hc/nine"]
    assert document.metadata["anchors"] == {"0": "in-may"}


def test_an_article_says_where_it_is_read_and_in_what_language() -> None:
    [zendesk, intercom, freshdesk], _ = exported(ZENDESK, INTERCOM, FRESHDESK)
    assert (zendesk.metadata["url"], zendesk.metadata["locale"]) == (ZENDESK["html_url"], "en-us")
    assert (intercom.metadata["url"], intercom.metadata["locale"]) == (INTERCOM["url"], "en")
    assert (freshdesk.metadata["url"], freshdesk.metadata["locale"]) == ("", None)


@pytest.mark.parametrize(
    "draft",
    [
        {**ZENDESK, "draft": True},
        {**INTERCOM, "state": "draft"},
        {**FRESHDESK, "status": 1},
    ],
)
def test_drafts_are_left_out_and_reported(draft: Mapping[str, object]) -> None:
    documents, skipped = exported({**draft, "title": "Secret"}, ZENDESK)
    assert [found.metadata["title"] for found in documents] == ["Opening hours"]
    assert skipped == {"e.json/115-secret": SkipReason.UNPUBLISHED}


def test_an_article_for_some_customers_is_for_an_audience_of_its_own() -> None:
    [document], _ = exported({**ZENDESK, "user_segment_id": 42})
    assert document.metadata["audience"] == "segment-42"


def test_translations_are_documents_in_their_language() -> None:
    translated = {
        "type": "article_translated_content",
        "en": {"title": "Opening hours", "body": "<p>Nine.</p>", "state": "published"},
        "de": {"title": "Öffnungszeiten", "body": "<p>Ab neun.</p>", "state": "published"},
        "fr": {"title": "Horaires", "body": "<p>Neuf.</p>", "state": "draft"},
        "es": None,
    }
    documents, skipped = exported({**INTERCOM, "translated_content": translated})
    assert [(found.metadata["page"], found.metadata["locale"]) for found in documents] == [
        ("e.json/115-opening-hours", "en"),
        ("e.json/115-öffnungszeiten", "de"),
    ]
    assert skipped == {"e.json/115-horaires": SkipReason.UNPUBLISHED}


def test_articles_of_the_same_name_are_told_apart() -> None:
    documents, _ = exported(ZENDESK, {**ZENDESK, "locale": "en-gb"})
    assert [found.metadata["page"] for found in documents] == [
        "e.json/115-opening-hours",
        "e.json/115-opening-hours-2",
    ]


@pytest.mark.parametrize("page", ["e.jsonl", "e.ndjson", "e.json"])
def test_one_article_to_a_line_is_an_export_too(page: str) -> None:
    lines = [json.dumps(ZENDESK), "", json.dumps({**ZENDESK, "id": 116})]
    documents, skipped = read(page, "\n".join(lines))
    assert (len(documents), skipped) == (2, [])


def test_a_broken_line_is_reported_and_the_others_are_read() -> None:
    documents, skipped = read("e.jsonl", f'{{"title": \n{json.dumps(ZENDESK)}\n')
    assert len(documents) == 1
    assert reasons(skipped) == {"e.jsonl/line 1": SkipReason.UNPARSABLE}


@pytest.mark.parametrize("body", [None, "", "<ul>" * 9000 + "x", 7, ["x"], "<script>x</script>"])
def test_an_article_that_cannot_be_read_does_not_stop_the_others(body: object) -> None:
    documents, skipped = exported({"id": 1, "title": "Odd", "body": body}, ZENDESK)
    titles = [found.metadata["title"] for found in documents]
    assert titles[-1] == "Opening hours"
    assert skipped in ({"e.json/1-odd": SkipReason.UNPARSABLE}, {})
    assert len(titles) + len(skipped) == 2


def test_characters_that_cannot_be_stored_are_left_out() -> None:
    [document], _ = exported({"title": "A\ud800b", "body": "<p>Ni\x00ne\udfff.</p>"})
    assert (document.metadata["title"], document.page_content) == ("Ab", "Nine.")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ('{"articles": [{"title": "cut', SkipReason.UNPARSABLE),
        ("[" * 100_000, SkipReason.UNPARSABLE),
        ("9" * 5000, SkipReason.UNPARSABLE),
        ('{"name": "my-package", "description": "No article."}', SkipReason.UNSUPPORTED),
        ('{"sections": [{"name": "S", "description": "d"}]}', SkipReason.UNSUPPORTED),
        ("[]", SkipReason.UNSUPPORTED),
    ],
)
def test_json_without_articles_is_refused(data: str, reason: SkipReason) -> None:
    assert refusal("e.json", data).reason is reason
