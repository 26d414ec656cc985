"""Who may see which pages of a source, by their paths."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingestion.sources.patterns import matches

if TYPE_CHECKING:
    from retrieval.types import Scope


@dataclass(frozen=True, slots=True)
class PathRule:
    """What holds for the pages that a pattern means; None leaves a field as it is.

    Attributes:
        path: The pattern, as in a `.gitignore`.
        audience: Who may see them.
        locale: Their language.
        product: What they are about; empty when it holds for every product.
        skip: Whether they are left out.
    """

    path: str
    audience: str | None = None
    locale: str | None = None
    product: str | None = None
    skip: bool | None = None


@dataclass(frozen=True, slots=True)
class PathRules:
    """The rules of one source; for each field the last rule that matches and sets it wins."""

    rules: tuple[PathRule, ...] = ()

    def scope(self, page: str, scope: Scope) -> Scope | None:
        """Where a page belongs.

        Args:
            page: Its name in the source.
            scope: Where it belongs when no rule says otherwise.

        Returns:
            Its scope; None when a rule leaves the page out.
        """
        skip = False
        for rule in self.rules:
            if matches(page, rule.path):
                skip = skip if rule.skip is None else rule.skip
                scope = _changed(scope, rule)
        return None if skip else scope


def _changed(scope: Scope, rule: PathRule) -> Scope:
    return replace(
        scope,
        audience=scope.audience if rule.audience is None else rule.audience,
        locale=scope.locale if rule.locale is None else rule.locale,
        product=scope.product if rule.product is None else rule.product,
    )
