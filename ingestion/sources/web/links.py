"""What an HTML page says about itself and where it leads."""

from __future__ import annotations

from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser

from ingestion.sources.web.robots import USER_AGENT

_ROBOTS = ("robots", USER_AGENT.lower())


@dataclass(frozen=True, slots=True)
class PageLinks:
    """The links of a page, as written.

    Attributes:
        base: What they are relative to; empty for the page itself.
        canonical: The address it wants to be known by; empty when it does not say.
        targets: Where it leads, unless it asks robots not to follow.
        indexed: Whether it may be put into an index.
    """

    base: str
    canonical: str
    targets: tuple[str, ...]
    indexed: bool


def read_links(html: str, robots_tag: str = "") -> PageLinks:
    """Find the links of a page.

    Args:
        html: Its source; empty for a page that is no HTML.
        robots_tag: The `X-Robots-Tag` it came with.
    """
    tree = LexborHTMLParser(html)
    asked = {part.strip().lower() for part in f"{robots_tag},{_robots_metas(tree)}".split(",")}
    targets = tuple(dict.fromkeys(_attributes(tree, "a[href]", "href")))
    return PageLinks(
        base=next(iter(_attributes(tree, "base[href]", "href")), ""),
        canonical=next(iter(_attributes(tree, "link[rel~=canonical i]", "href")), ""),
        targets=() if asked & {"nofollow", "none"} else targets,
        indexed=not asked & {"noindex", "none"},
    )


def _robots_metas(tree: LexborHTMLParser) -> str:
    return ",".join(
        node.attributes.get("content") or ""
        for node in tree.css("meta[name]")
        if (node.attributes.get("name") or "").lower() in _ROBOTS
    )


def _attributes(tree: LexborHTMLParser, selector: str, name: str) -> list[str]:
    return [value for node in tree.css(selector) if (value := node.attributes.get(name))]
