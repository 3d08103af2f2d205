"""What a live Wikibase is asked for and what it answers, whoever asks: the client or a cache before it."""

from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias

import msgspec

from nedsvc.errors import SourceUnavailable
from nedsvc.wikibase import Item

Way = Literal["prefix", "words"]


class LiveItem(msgspec.Struct, frozen=True):
    """An item as it was at a revision of its page; `retrieved` is an ISO time in UTC."""

    item: Item
    revision: int
    retrieved: str


Ids: TypeAlias = tuple[str, ...] | SourceUnavailable
LiveAnswer: TypeAlias = LiveItem | SourceUnavailable | None


class Wikibase(Protocol):
    """A Wikibase, asked for many names or ids at a time until a moment (`time.monotonic`)."""

    def find(self, names: Sequence[str], language: str, way: Way, until: float) -> dict[str, Ids]:
        """The ids of the items that each name leads to, the likeliest first.

        By "prefix": those with a name that begins like it. By "words": those in whose texts all its words stand.
        """

    def items(self, ids: Sequence[str], language: str, until: float) -> dict[str, LiveAnswer]:
        """The item of each id with its names in the language and those for all; None where there is none.

        A merged item's id gives the item that it was merged into.
        """
