from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from app.settings import Settings
from eval.nightly import change_some, make_editions, measure, to_json
from retrieval.errors import BadInput
from tests.library import PAGES, write_pages

if TYPE_CHECKING:
    from pathlib import Path


def test_editions_differ_in_every_paragraph_of_prose(tmp_path: Path) -> None:
    real = write_pages(tmp_path / "real", {"a.md": "# A\n\nOne.\n\nTwo.\n", "b.html": "<p>no</p>"})
    make_editions(real, tmp_path / "made", 3)
    texts = {path.parent.name: path.read_text() for path in (tmp_path / "made").rglob("*.md")}
    assert texts["edition-0"] == "# A\n\nOne.\n\nTwo.\n"
    assert texts["edition-2"] == "# A\n\nIn edition 2, One.\n\nIn edition 2, Two.\n"


def test_as_many_pages_change_as_asked(tmp_path: Path) -> None:
    folder = write_pages(tmp_path, {f"{n}.md": "Text." for n in range(50)})
    change_some(folder, 5)
    changed = [path for path in folder.iterdir() if "new tonight" in path.read_text()]
    assert len(changed) == 5


def test_a_folder_without_text_is_refused(tmp_path: Path) -> None:
    folder = write_pages(tmp_path / "real", {"a.html": "<p>text</p>"})
    with pytest.raises(BadInput, match="no page of text"):
        make_editions(folder, tmp_path / "made", 3)


def test_three_real_runs_are_measured(tmp_path: Path, models_folder: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "models").symlink_to(models_folder)
    settings = Settings(_env_file=None, home=home)  # type: ignore[call-arg] # pydantic-settings takes it
    runs = measure(settings, write_pages(tmp_path / "real", PAGES), 8, Console(quiet=True))
    first, unchanged, changed = json.loads(to_json(runs))
    assert first["changed"] == 8
    assert first["encoded"] > 0
    assert (unchanged["changed"], unchanged["encoded"]) == (0, 0)
    assert (changed["changed"], changed["encoded"]) == (1, 1)
    assert first["own_bytes"] is None or 10**7 < first["own_bytes"] <= first["peak_bytes"]
