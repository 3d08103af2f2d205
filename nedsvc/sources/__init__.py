"""Where candidates and entities come from: one protocol, two plural methods."""

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from nedsvc.errors import SourceUnavailable
from nedsvc.models import Candidate, Entity

# An outage is an answer of its own, name by name, so that it is never taken for "no such entity".
Candidates: TypeAlias = tuple[Candidate, ...] | SourceUnavailable
Known: TypeAlias = Entity | SourceUnavailable


class KnowledgeSource(Protocol):
    """A knowledge base that can be asked for names and for entities, many at a time.

    `until` is the moment (`time.monotonic`) from which on it asks nobody else any more.
    """

    @property
    def id(self) -> str:
        """Names the knowledge and its version; part of every answer."""

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that names are known in."""

    @property
    def lasting(self) -> bool:
        """Whether what it does not know now it will never know under the same id."""

    def search(self, names: Sequence[str], language: str, until: float) -> dict[str, Candidates]:
        """What each name may mean, the likeliest first; an unknown name has no candidates."""

    def fetch(self, ids: Sequence[str], language: str, until: float) -> dict[str, Known]:
        """The entities with these ids as they are shown in this language; unknown ids are left out."""
