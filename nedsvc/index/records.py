"""One item on its way into the index, and what is kept of it for display."""

from collections.abc import Mapping, Sequence

import msgspec

OfficeHeld = tuple[str, str | None, str | None]


class Record(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an entity is shown with; packed as a MessagePack array. The first label is the one that is shown."""

    labels: dict[str, str] = {}
    descriptions: dict[str, str] = {}
    aliases: Mapping[str, Sequence[str]] = {}
    classes: Sequence[int] = ()
    wikipedia: str | None = None
    dates: dict[str, str] = {}
    offices: Sequence[OfficeHeld] = ()


class Item(msgspec.Struct, frozen=True, gc=False):
    """All that the index takes of an item, whatever it was read from.

    `demonyms` are words by language ("Ukrainian"). `links` are the numbers of related entities, the most telling
    first. `types` is a bit mask where it is known without the classes.
    """

    number: int
    labels: dict[str, str] = {}
    descriptions: dict[str, str] = {}
    aliases: Mapping[str, Sequence[str]] = {}
    classes: Sequence[int] = ()
    wikipedia: str | None = None
    sitelinks: int = 0
    statements: int = 0
    dates: dict[str, str] = {}
    offices: Sequence[OfficeHeld] = ()
    superclasses: Sequence[int] = ()
    demonyms: Sequence[tuple[str, str]] = ()
    links: Sequence[int] = ()
    types: int = 0


def shown_first(labels: dict[str, str], languages: Sequence[str]) -> dict[str, str]:
    """The labels with the one first that is shown: in the first of these languages that there is one in."""
    shown = next((language for language in languages if language in labels), None)
    return labels if shown is None else {shown: labels[shown]} | labels


def append_record(item: Item, packed: bytearray) -> None:
    """Append the packed record of an item; what most items have nothing of stands last and may be missing."""
    parts: tuple[object, ...] = (item.labels, item.descriptions, item.aliases, item.classes)
    if item.wikipedia or item.dates or item.offices:
        parts += (item.wikipedia, item.dates, item.offices)
    _encode_into(parts, packed, -1)


_encode_into = msgspec.msgpack.Encoder().encode_into
decode_record = msgspec.msgpack.Decoder(Record).decode
