"""Documents with the same text, computed once."""

from collections import OrderedDict
from hashlib import blake2b

import msgspec

from nedsvc.bulk.work import Answer
from nedsvc.reading import Asked

MOST = 4_096  # texts that are remembered
MOST_CHARACTERS = 1_000_000  # of them together; an answer may have fifty times as many bytes


class Slot:
    """Where the answer of a text will stand, for all documents that have it."""

    __slots__ = ("answer", "characters")

    def __init__(self, characters: int) -> None:
        self.answer: Answer | None = None
        self.characters = characters


class Recent:
    """The texts that came last, with their answers or where these will stand."""

    def __init__(self) -> None:
        self._slots: OrderedDict[bytes, Slot] = OrderedDict()
        self._characters = 0

    def slot(self, asked: Asked) -> tuple[Slot, bool]:
        """The slot of the answer, and whether nobody has computed it yet."""
        key = blake2b(msgspec.msgpack.encode(asked), digest_size=16).digest()
        known = self._slots.get(key)
        if known is not None:
            self._slots.move_to_end(key)
            return known, False
        slot = self._slots[key] = Slot(len(asked.text))
        self._characters += slot.characters
        while len(self._slots) > MOST or self._characters > MOST_CHARACTERS:
            _, oldest = self._slots.popitem(last=False)
            self._characters -= oldest.characters
        return slot, True
