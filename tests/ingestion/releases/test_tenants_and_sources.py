"""Whose pages, from where, and for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingestion.releases.types import Outcome
from ingestion.sources.rules import PathRule, PathRules
from ingestion.sources.source import SkipReason
from retrieval.errors import BadInput
from retrieval.types import Reader, Scope
from tests.ingestion.releases.press import Press, folder_spec, reasons
from tests.library import write_pages

if TYPE_CHECKING:
    from pathlib import Path

OTHER = {"other.md": "# Other\n\nSomething else.\n"}
STAFF = Reader(audiences=("staff",))


async def test_two_tenants_may_have_the_same_page(press: Press, good: Path) -> None:
    for tenant in ("acme", "globex"):
        report = await press.publish(good, scope=Scope(tenant))
        assert (report.tenant, report.release) == (tenant, 1), "each counts its own releases"
    assert await press.index.count() == 2
    for tenant in ("acme", "globex"):
        [found] = await press.page("good.md", Reader(tenant))
        assert found.scope.tenant == tenant


async def test_no_tenants_vectors_are_reused_for_another(press: Press, good: Path) -> None:
    await press.publish(good, scope=Scope("acme"))
    counts = (await press.publish(good, scope=Scope("globex"))).counts
    assert (counts.encoded, counts.reused) == (1, 0)


async def test_removing_one_tenants_page_leaves_the_others(press: Press, good: Path) -> None:
    write_pages(good, OTHER)
    for tenant in ("acme", "globex"):
        await press.publish(good, scope=Scope(tenant))
    (good / "good.md").unlink()
    await press.publish(good, scope=Scope("acme"))
    assert await press.page("good.md", Reader("acme")) == []
    assert len(await press.page("good.md", Reader("globex"))) == 1


async def test_two_sources_do_not_delete_each_others_chunks(
    press: Press, good: Path, tmp_path: Path
) -> None:
    two = write_pages(tmp_path / "two", OTHER)
    for _ in range(2):
        await press.publish(good, scope=Scope(source="one"))
        await press.publish(two, scope=Scope(source="two"))
    assert list(await press.shown()) == ["good.md", "other.md"]
    assert await press.index.count() == 2


async def test_two_sources_in_one_run_are_one_release(
    press: Press, good: Path, tmp_path: Path
) -> None:
    two = write_pages(tmp_path / "two", OTHER)
    report = await press.run([folder_spec(good, "one"), folder_spec(two, "two")])
    assert (report.outcome, report.release, report.counts.added) == (Outcome.PUBLISHED, 1, 2)
    assert {name: counts.added for name, counts in report.sources.items()} == {"one": 1, "two": 1}
    [release] = await press.ledger.releases("default")
    assert release.sources == ("one", "two")
    assert list(await press.shown()) == ["good.md", "other.md"]


async def test_a_source_that_fails_keeps_the_others_of_its_run_from_being_seen(
    press: Press, good: Path, tmp_path: Path
) -> None:
    with pytest.raises(BadInput):
        await press.run([folder_spec(good, "one"), folder_spec(tmp_path / "nowhere", "two")])
    assert await press.page("good.md") == []
    assert await press.ledger.releases("default") == []


async def test_a_run_is_for_one_tenant_and_each_source_has_a_name_of_its_own(
    press: Press, good: Path
) -> None:
    spec = folder_spec(good, "one")
    with pytest.raises(BadInput, match="Two sources are named 'one'"):
        await press.run([spec, spec])
    with pytest.raises(BadInput, match=r"one tenant.*: none"):
        await press.run([])


async def test_a_page_may_say_who_may_read_it(press: Press, tmp_path: Path) -> None:
    staff = "---\naudience: staff\nlang: de\n---\n# Intern\n\nNur für uns."
    folder = write_pages(tmp_path / "pages", {"staff.md": staff})
    await press.publish(folder)
    assert await press.page("staff.md") == []
    [found] = await press.page("staff.md", STAFF)
    assert (found.scope.audience, found.scope.locale) == ("staff", "de")


async def test_a_page_opened_to_the_public_is_no_longer_the_staffs_alone(
    press: Press, tmp_path: Path
) -> None:
    folder = write_pages(tmp_path / "pages", {"a.md": "---\naudience: staff\n---\n# A\n\nWords."})
    await press.publish(folder)
    write_pages(folder, {"a.md": "# A\n\nWords."})
    counts = (await press.publish(folder)).counts
    assert (counts.changed, counts.reused, counts.ended) == (1, 1, 1)
    assert len(await press.page("a.md")) == 1
    assert await press.page("a.md", STAFF) == []


async def test_a_rule_closes_pages_to_the_public_without_encoding_them_again(
    press: Press, good: Path
) -> None:
    write_pages(good, {"internal/plan.md": "# Plan\n\nWords."})
    await press.publish(good)
    rules = PathRules((PathRule("internal/", audience="staff"),))
    counts = (await press.publish(good, rules=rules)).counts
    assert (counts.changed, counts.unchanged, counts.encoded, counts.reused) == (1, 1, 0, 1)
    assert await press.page("internal/plan.md") == []
    assert len(await press.page("internal/plan.md", STAFF)) == 1


async def test_a_rule_that_leaves_pages_out_takes_them_away(press: Press, good: Path) -> None:
    write_pages(good, {"drafts/plan.md": "# Plan\n\nWords."})
    await press.publish(good)
    rules = PathRules((PathRule("drafts/", skip=True),))
    report = await press.publish(good, rules=rules)
    assert reasons(report) == {"drafts/plan.md": SkipReason.RULED_OUT}
    assert (report.counts.read, report.counts.removed) == (1, 1)
    assert list(await press.shown()) == ["good.md"]
