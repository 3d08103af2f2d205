"""The starter index: built of the package's own text files when it is first needed, then kept."""

import hashlib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import msgspec

from nedsvc import tables
from nedsvc.index.build import build_from_items
from nedsvc.index.format import FORMAT_VERSION, type_mask
from nedsvc.index.options import BuildOptions
from nedsvc.index.reader import Index
from nedsvc.kept import kept
from nedsvc.models import Office, qid_number
from nedsvc.wikibase import Item, OfficeHeld

_STATEMENTS_A_LINK = 3


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of the starter's files."""

    id: str
    label: str
    type: str
    description: str
    names: dict[str, list[str]] = {}
    links: list[str] = []
    offices: list[Office] = []
    born: str | None = None
    died: str | None = None
    founded: str | None = None
    dissolved: str | None = None
    sitelinks: int = 0
    wikipedia: str | None = None


def starter_index(cache: Path | None = None) -> Path:
    """The folder of the starter index, which is built there first where it is missing.

    It is kept in `cache`, by default the user's cache folder. Where that cannot be written, the index goes to a
    temporary folder and lasts as long as the process.
    """
    return kept(cache, f"starter-{_digest()}", _checked, _build)


def starter_items() -> Iterator[Item]:
    """The items of the starter's text files."""
    decode = msgspec.json.Decoder(_Entry).decode
    for _, content in tables.starter_files():
        for line in content.splitlines():
            if line.strip():
                yield _item(decode(line))


def _checked(folder: Path) -> Path:
    """The folder, once its index could be opened."""
    Index.open(folder)
    return folder


def _build(folder: Path) -> None:
    items = list(starter_items())
    languages = sorted({language for item in items for language in item.labels} - {"en"})
    build_from_items(items, folder, BuildOptions(languages=("en", *languages), name="starter"))


def _item(entry: _Entry) -> Item:
    foreign = {language: names for language, names in entry.names.items() if language != "en" and names}
    aliases = {language: names[1:] for language, names in foreign.items() if names[1:]}
    english = entry.names.get("en", ())
    offices = tuple(_held(office) for office in entry.offices)
    links = [*entry.links, *(office for office, _, _ in offices)]
    return Item(
        number=qid_number(entry.id),
        labels={"en": entry.label} | {language: names[0] for language, names in foreign.items()},
        descriptions={"en": entry.description},
        aliases={"en": english} | aliases if english else aliases,
        wikipedia=entry.wikipedia,
        dates={name: date for name in ("born", "died", "founded", "dissolved") if (date := getattr(entry, name))},
        offices=offices,
        links=list(dict.fromkeys(map(qid_number, links))),
        types=type_mask((entry.type,)),
        sitelinks=entry.sitelinks,
        statements=_STATEMENTS_A_LINK * len(links),
    )


def _held(office: Office) -> OfficeHeld:
    return office.id, office.start, office.end


def _digest() -> str:
    """Tells one version of the starter from another: its texts, the tables, the format and the code that builds it."""
    total = hashlib.sha256(f"{FORMAT_VERSION} {version('nedsvc')}\n".encode() + tables.table_bytes())
    for name, content in tables.starter_files():
        total.update(name.encode() + b"\n" + content)
    return total.hexdigest()[:16]
