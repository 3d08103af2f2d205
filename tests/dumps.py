"""Small dumps in the layout of Wikidata's own, for tests that build an index."""

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nedsvc.index.build import Report, build_index
from nedsvc.index.options import BuildOptions
from nedsvc.index.reader import Index

Json = dict[str, Any]


def dump_item(
    qid: str,
    label: str | None,
    *,
    description: str | None = None,
    aliases: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    claims: Mapping[str, Sequence[Json]] | None = None,
    sitelinks: Sequence[str] = (),
    title: str | None = None,
    modified: str | None = None,
) -> Json:
    """An item as a line of a dump holds it. `label`, `description` and `aliases` are English; empty maps are `[]`."""
    named = ({"en": label} if label else {}) | dict(labels or {})
    item: Json = {
        "type": "item",
        "id": qid,
        "labels": {language: term(language, text) for language, text in named.items()} or [],
        "descriptions": {"en": term("en", description)} if description else [],
        "aliases": {"en": [term("en", alias) for alias in aliases]} if aliases else [],
        "claims": dict(claims or {}) or [],
        "sitelinks": {site: {"site": site, "title": title or label, "badges": []} for site in sitelinks} or [],
    }
    return item | ({"modified": modified} if modified else {})


def term(language: str, text: str) -> Json:
    """A text in a language."""
    return {"language": language, "value": text}


def statement(value: Any, rank: str = "normal", qualifiers: Json | None = None) -> Json:
    """A statement with this value: a QID, a (time, precision), a {language: text}, or None for an unknown value."""
    snak = {"mainsnak": snak_of(value), "type": "statement", "id": "x", "rank": rank}
    return snak | ({"qualifiers": qualifiers} if qualifiers else {})


def snak_of(value: Any) -> Json:
    """The snak that holds the value."""
    if value is None:
        return {"snaktype": "somevalue", "property": "P1"}
    if isinstance(value, str):
        held: Json = {"value": {"entity-type": "item", "numeric-id": int(value[1:]), "id": value}}
    elif isinstance(value, tuple):
        held = {"value": {"time": value[0], "precision": value[1]}}
    else:
        ((language, text),) = value.items()
        held = {"value": {"text": text, "language": language}}
    return {"snaktype": "value", "property": "P1", "datavalue": held}


def claims(**values: Any) -> dict[str, list[Json]]:
    """Claims with one value each, or several in a list."""
    return {
        name: [statement(each) for each in (value if isinstance(value, list) else [value])]
        for name, value in values.items()
    }


def dump_bytes(items: Iterable[Json | bytes]) -> bytes:
    """The array with one entity a line; bytes go in as they are."""
    lines = [
        item if isinstance(item, bytes) else json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode()
        for item in items
    ]
    return b"[\n" + b",\n".join(lines) + b"\n]\n"


def make_dump(folder: Path, items: Iterable[Json | bytes], name: str = "dump.json.gz") -> Path:
    """A dump file of the items; gzip where the name says so."""
    path = folder / name
    data = dump_bytes(items)
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def make_index(folder: Path, items: Iterable[Json | bytes], report: Report | None = None, **options: Any) -> Index:
    """An index of the items, open."""
    out = folder / "index"
    build_index([make_dump(folder, items)], out, BuildOptions(**options), report)
    return Index.open(out)


def row_of(index: Index, qid: str) -> int:
    """The row of an entity that is in the index."""
    row = index.row(int(qid[1:]))
    assert row is not None
    return row


def bearers_of(index: Index, key: str) -> list[str]:
    """The QIDs of those who bear the name, in order."""
    postings = index.postings(key)
    return [] if postings is None else [index.id_of(index.number(row)) for row in postings.rows.tolist()]
