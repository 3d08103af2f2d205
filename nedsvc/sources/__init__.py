"""Where candidates and entities come from: one protocol, two plural methods."""

from collections.abc import Sequence
from typing import Protocol

from nedsvc.models import Candidate, Entity


class KnowledgeSource(Protocol):
    """A knowledge base that can be asked for names and for entities, many at a time."""

    @property
    def id(self) -> str:
        """Names the knowledge and its version; part of every answer."""

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that names are known in."""

    def search(self, names: Sequence[str], language: str) -> dict[str, tuple[Candidate, ...]]:
        """What each name may mean, the likeliest first; an unknown name has no candidates."""

    def fetch(self, ids: Sequence[str]) -> dict[str, Entity]:
        """The entities with these ids; unknown ids are left out."""
