"""What an index keeps of an item for display."""

from collections.abc import Mapping, Sequence

import msgspec

from nedsvc.wikibase import Item, OfficeHeld


class Record(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an entity is shown with; packed as a MessagePack array. The first label is the one that is shown."""

    labels: dict[str, str] = {}
    descriptions: dict[str, str] = {}
    aliases: Mapping[str, Sequence[str]] = {}
    classes: Sequence[int] = ()
    wikipedia: str | None = None
    dates: dict[str, str] = {}
    offices: Sequence[OfficeHeld] = ()


def append_record(item: Item, packed: bytearray) -> None:
    """Append the packed record of an item; what most items have nothing of stands last and may be missing."""
    parts: tuple[object, ...] = (item.labels, item.descriptions, item.aliases, item.classes)
    if item.wikipedia or item.dates or item.offices:
        parts += (item.wikipedia, item.dates, item.offices)
    _encode_into(parts, packed, -1)


_encode_into = msgspec.msgpack.Encoder().encode_into
decode_record = msgspec.msgpack.Decoder(Record).decode
