"""YAML whose every field is known to stand on a line, and to be written once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence


def read_placed(text: str) -> tuple[yaml.Node | None, object]:
    """Read YAML.

    Returns:
        The document's node, for `line_of`, and what it holds; None and {} for an empty one.

    Raises:
        yaml.YAMLError: It is not YAML, or a key is written twice.
        ValueError: It holds a date such as 2024-99-99.
    """
    loader = _Loader(text)
    node = loader.get_single_node()
    return node, loader.construct_document(node) if node else {}


def line_of(node: yaml.Node | None, loc: Sequence[int | str]) -> int:
    """The line where a field stands; where it is missing, that of what it should be in."""
    line = node.start_mark.line if node else 0
    for part in loc:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line
        elif isinstance(node, yaml.MappingNode):
            found = [pair for pair in node.value if pair[0].value == part]
            if not found:
                break
            line, node = found[0][0].start_mark.line, found[0][1]
    return line + 1


class _Loader(yaml.SafeLoader):
    """Refuses a key that is written twice, of which YAML would keep the last in silence."""

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002 - as PyYAML has it
    ) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                problem = f"'{name}' is written twice"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)
