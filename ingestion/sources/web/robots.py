"""What a site's robots.txt asks of us."""

from __future__ import annotations

from dataclasses import dataclass

from protego import Protego

USER_AGENT = "Answerable"


@dataclass(frozen=True, slots=True)
class Robots:
    """The rules of one site.

    Attributes:
        rules: Its robots.txt, parsed; None when it has none, and everything is allowed.
    """

    rules: Protego | None = None

    @classmethod
    def read(cls, text: str) -> Robots:
        """Understand a robots.txt, however broken."""
        return cls(Protego.parse(text))

    def allows(self, address: str) -> bool:
        """Whether we may fetch an address."""
        return self.rules is None or self.rules.can_fetch(address, USER_AGENT)

    @property
    def delay(self) -> float:
        """How many seconds the site wants between requests; 0 when it does not say."""
        if self.rules is None:
            return 0.0
        rate = self.rules.request_rate(USER_AGENT)
        spaced = rate.seconds / rate.requests if rate else 0.0
        return max(spaced, self.rules.crawl_delay(USER_AGENT) or 0.0)

    @property
    def sitemaps(self) -> tuple[str, ...]:
        """The sitemaps it names, as written."""
        return () if self.rules is None else tuple(self.rules.sitemaps)
