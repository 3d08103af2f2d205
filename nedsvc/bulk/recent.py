"""Documents with the same text, computed once."""

from collections import OrderedDict
from hashlib import blake2b

import msgspec

from nedsvc.bulk.work import Answer, Task

MOST = 4_096  # texts that are remembered


class Slot:
    """Where the answer of a text will stand, for all documents that have it."""

    __slots__ = ("answer",)

    def __init__(self) -> None:
        self.answer: Answer | None = None


class Recent:
    """The texts that came last, with their answers or where these will stand."""

    def __init__(self) -> None:
        self._slots: OrderedDict[bytes, Slot] = OrderedDict()

    def slot(self, task: Task) -> tuple[Slot, bool]:
        """The slot of the task's answer, and whether nobody has computed it yet."""
        key = _key(task)
        known = self._slots.get(key)
        if known is not None:
            self._slots.move_to_end(key)
            return known, False
        slot = self._slots[key] = Slot()
        if len(self._slots) > MOST:
            self._slots.popitem(last=False)
        return slot, True


def _key(task: Task) -> bytes:
    asked = msgspec.structs.replace(task, document=msgspec.structs.replace(task.document, id=None))
    return blake2b(msgspec.msgpack.encode(asked), digest_size=16).digest()
