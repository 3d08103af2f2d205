"""What detectors ask of the names of an index."""

from typing import Protocol


class Lexicon(Protocol):
    """Known names by their folded key; the names of an index, or of several."""

    def prefixes(self, key: str) -> list[str]:
        """The known keys that `key` starts with, the shortest first."""

    def shapes(self, key: str) -> int:
        """The shapes (bits `1 << Shape`) in which proper names with this key are written; 0 for an unknown key."""

    def is_shorthand(self, key: str) -> bool:
        """Whether the name is a shorthand of world news ("the West")."""

    def is_person(self, key: str) -> bool:
        """Whether the most popular bearer of the name is a person."""

    def is_label(self, key: str) -> bool:
        """Whether the name is the label of its most popular bearer."""

    def shares_bearer(self, key: str, part: str) -> bool:
        """Whether the most popular bearer of `key` is also known by `part`, or by names that hold this word."""
