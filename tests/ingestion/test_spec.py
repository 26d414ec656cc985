from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from traceback import format_exception
from typing import TYPE_CHECKING

import pytest

from ingestion.sources.files import FolderSource
from ingestion.sources.git import GitSource
from ingestion.sources.rules import PathRule, PathRules
from ingestion.sources.spec import load_sources
from ingestion.sources.website import WebsiteSource
from retrieval.errors import BadInput, SourceNotFound
from retrieval.types import Scope

if TYPE_CHECKING:
    from ingestion.sources.spec import SourceSpec

EXAMPLE = Path(__file__).parents[2] / "examples" / "sources" / "sources.yaml"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def load(tmp_path: Path, text: str) -> list[SourceSpec]:
    path = tmp_path / "sources.yaml"
    path.write_text(text)
    return load_sources(path, state=tmp_path / "state")


def test_the_example_has_one_of_each_kind(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE.parent))
    specs = load_sources(EXAMPLE, state=state)
    kinds = {spec.name: type(spec.source).__name__ for spec in specs}
    assert kinds == {
        "help-centre": "FolderSource",
        "handbook": "GitSource",
        "website": "WebsiteSource",
        "articles": "SqliteSource",
    }


def test_the_rules_of_the_example_mean_pages_that_are_there(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE.parent))
    spec = load_sources(EXAMPLE, state=state)[0]
    scopes = {item.page: spec.rules.scope(item.page, spec.scope) for item in spec.source.read()}
    assert [page for page, scope in scopes.items() if scope is None] == [
        "returns/return-policy-2023.html"
    ]
    found = [scope for scope in scopes.values() if scope]
    assert {scope.product for scope in found} == {"", "api"}
    assert {scope.audience for scope in found} == {"public", "landlords"}


def test_a_source_says_where_its_pages_belong(tmp_path: Path) -> None:
    [spec] = load(
        tmp_path,
        """
sources:
  - name: manuals
    folder: manuals
    base_url: https://example.com/manuals
    tenant: acme
    audience: dealers
    locale: de
    product: kettle
""",
    )
    assert spec.scope == Scope("acme", "dealers", "de", "manuals", "kettle")
    assert spec.source.base_url == "https://example.com/manuals"


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    folder, export, repository, elsewhere = load(
        tmp_path,
        """
sources:
  - {name: a, folder: docs}
  - {name: b, export: {path: ../tickets.jsonl, max_bytes: 5}}
  - {name: c, git: ./repository}
  - {name: d, git: "git@example.com:docs.git"}
""",
    )
    assert folder.source == FolderSource(tmp_path / "docs")
    assert export.source == FolderSource(tmp_path / "../tickets.jsonl", max_bytes=5)
    checkouts = tmp_path / "state" / "checkouts"
    assert repository.source == GitSource(str(tmp_path / "repository"), checkouts)
    assert elsewhere.source == GitSource("git@example.com:docs.git", checkouts)


def test_what_is_said_of_a_website_reaches_it(tmp_path: Path) -> None:
    [spec] = load(
        tmp_path,
        """
sources:
  - name: site
    website:
      start: https://a.example
      include: ["docs/**"]
      max_pages: 7
      timeout: 3
      retries: 0
""",
    )
    assert isinstance(spec.source, WebsiteSource)
    assert spec.source.base_url == "https://a.example/"
    assert (spec.source._bounds.max_pages, spec.source._bounds.include) == (7, ("docs/**",))
    assert (spec.source._manners.timeout, spec.source._manners.retries) == (3, 0)


def test_two_websites_do_not_share_what_is_remembered(tmp_path: Path) -> None:
    one, other = load(
        tmp_path,
        """
sources:
  - {name: "a/b", website: "https://a.example"}
  - {name: "a b", website: "https://a.example"}
""",
    )
    assert isinstance(one.source, WebsiteSource)
    assert isinstance(other.source, WebsiteSource)
    assert one.source._state != other.source._state
    assert one.source._state.parent == tmp_path / "state"


A = "sources:\n  - name: a\n    "
GOOD = A + "folder: docs\n"
RULE = GOOD + "    rules:\n      - "


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "sources: Field required"),
        ("sources: []", 1, "sources: List should have at least 1 item"),
        ("- a", 1, "the file: Input should be"),
        ("sources: [a]", 1, "sources.0: Input should be"),
        (GOOD + "    basse_url: x", 4, "sources.0.basse_url: .* mean 'base_url'"),
        (GOOD + "    colour: x", 4, "there is no such field. The fields are name, folder"),
        ("source:\n  - name: a", 1, "source: .* mean 'sources'"),
        (GOOD + "source: 1", 4, "source: .* mean 'sources'"),
        (GOOD + "    locale: no", 4, "locale: .* valid string"),
        (GOOD + "    audience: ''", 4, "sources.0.audience: String should have at least 1"),
        (
            GOOD + "    git: x",
            2,
            "sources.0: .* exactly one of folder, git, .*; this is folder and git",
        ),
        ("sources:\n  - name: a", 2, "sources.0: a source is exactly one of .* none of them"),
        (GOOD + "    options: {a: 1}", 2, "'options' are for python sources only"),
        (RULE + "{path: a, audiense: x}", 5, "rules.0.audiense: .* mean 'audience'"),
        (RULE + "{path: '!a', skip: true}", 5, "rules.0.path: '!a' is not a pattern"),
        (RULE + "{path: ./a, skip: yes}", 5, "rules.0.path: './a' is not a pattern"),
        (RULE + "{path: a, skip: 1}", 5, "rules.0.skip: .* valid boolean"),
        (RULE + "{audience: x}", 5, "rules.0.path: Field required"),
        (GOOD + GOOD[9:], 4, "'a' is the name of the source at .*sources.yaml:2 already. .*'a-2'"),
        (GOOD + "    folder: x", 4, "'folder' is written twice"),
        (GOOD + "    [", 4, "expected"),
        (GOOD + "    name: &a [*a]", 4, "'name' is written twice"),
        (A + "website: {start: x, max_pages: 0}", 3, "max_pages: .* greater than 0"),
        (A + "website: {start: x, include: ['']}", 3, "include.0: '' is not a pattern"),
        (A + "website: a.example", 2, "is not the address of a website"),
        (A + "website: https://a.example\n    base_url: x", 2, "no 'base_url'"),
        (A + "git: ext::sh", 2, "is not an address of a git repository"),
        (A + "git: -u", 2, "is not an address of a git repository"),
        (A + "git: {address: x, ref: -x}", 2, "is not a name of a branch"),
        (A + "python: os.path", 3, "sources.0.python: String should match"),
        (A + "python: nowhere:X", 2, "'nowhere:X' cannot be imported"),
        (A + "python: os:nothing", 2, "'os:nothing' cannot be imported"),
        (A + "python: pathlib:PurePath\n    options: {x: 1}", 2, "does not take these options"),
        (A + "python: pathlib:PurePath", 2, "it has no base_url, count"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    with pytest.raises(BadInput, match=message) as raised:
        load(tmp_path, text)
    assert raised.value.message.startswith(f"{tmp_path}/sources.yaml:{line}: ")


@pytest.mark.parametrize(
    "text",
    [
        A + "git: {addres: 'https://user:secret@a.example'}",
        A + "git: {address: 'https://user:secret@a.example', ref: -x}",
        A + "git: 'https://user:secret@a.example'\n    git: [",
    ],
)
def test_a_password_in_the_file_is_not_shown(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput) as raised:
        load(tmp_path, text)
    assert "secret" not in "".join(format_exception(raised.value, limit=0))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match=r"sources\.yaml cannot be read"):
        load_sources(tmp_path / "sources.yaml", state=tmp_path)


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"a: \x00", b"sources: 2024-99-99"])
def test_a_file_that_is_no_yaml_is_said(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "sources.yaml"
    path.write_bytes(data)
    with pytest.raises(BadInput, match=r"sources\.yaml"):
        load_sources(path, state=tmp_path)


SCOPE = Scope(audience="public", locale="en")


def test_the_last_rule_that_sets_a_field_wins() -> None:
    rules = PathRules(
        (
            PathRule("docs/**", audience="staff", locale="de"),
            PathRule("docs/open/**", audience="public"),
            PathRule("*.fr.md", locale="fr"),
        )
    )
    staff, french = replace(SCOPE, audience="staff"), replace(SCOPE, locale="fr")
    assert rules.scope("a.md", SCOPE) == SCOPE
    assert rules.scope("docs/a.md", SCOPE) == replace(staff, locale="de")
    assert rules.scope("docs/open/a.md", SCOPE) == replace(SCOPE, locale="de")
    assert rules.scope("docs/open/a.fr.md", SCOPE) == french


def test_a_page_that_a_rule_skips_may_be_taken_back_by_a_later_one() -> None:
    rules = PathRules((PathRule("old/**", skip=True), PathRule("old/keep.md", skip=False)))
    assert rules.scope("old/a.md", SCOPE) is None
    assert rules.scope("old/keep.md", SCOPE) == SCOPE


def test_a_product_can_be_taken_away() -> None:
    rules = PathRules((PathRule("general/**", product=""),))
    assert rules.scope("general/a.md", replace(SCOPE, product="kettle")) == SCOPE


@pytest.mark.parametrize(
    ("pattern", "meant", "not_meant"),
    [
        ("internal/**", "internal/a/b.md", "x/internal/a.md"),
        ("**/internal/**", "x/internal/a.md", "internals/a.md"),
        ("internal/", "x/internal/a.md", "internal.md"),
        ("/a.md", "a.md", "x/a.md"),
        ("*.pdf", "x/a.pdf", "a.pdf.html"),
        ("docs/*.md", "docs/a.md", "docs/x/a.md"),
        ("v[12]/**", "v2/a.md", "v3/a.md"),
    ],
)
def test_patterns_are_those_of_a_gitignore(pattern: str, meant: str, not_meant: str) -> None:
    rules = PathRules((PathRule(pattern, skip=True),))
    assert rules.scope(meant, SCOPE) is None
    assert rules.scope(not_meant, SCOPE) == SCOPE
