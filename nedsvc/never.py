"""What must never be linked, whatever the source."""

from collections.abc import Sequence

import msgspec

from nedsvc.models import Candidate
from nedsvc.names import fold


class Never(msgspec.Struct, frozen=True):
    """Entities by number, names by folded key, and names (by key) that a single entity must not be called by."""

    numbers: frozenset[int] = frozenset()
    names: frozenset[str] = frozenset()
    pairs: frozenset[tuple[str, int]] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.numbers or self.names or self.pairs)

    def __or__(self, other: "Never") -> "Never":
        return Never(self.numbers | other.numbers, self.names | other.names, self.pairs | other.pairs)

    def leaves(self, name: str, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Those of a name's candidates that it may be linked to."""
        key = fold(name)
        if key in self.names:
            return ()
        return [
            candidate
            for candidate in candidates
            if candidate.number not in self.numbers and (key, candidate.number) not in self.pairs
        ]


NOTHING = Never()
