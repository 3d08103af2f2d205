"""Answers as JSON objects and as tables for the terminal."""

import sys
from typing import Any
from urllib.parse import quote

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nedsvc.models import Annotation, Entity, Link, Lookup, Options, ScoredCandidate
from nedsvc.offsets import offset_table

_WIKIDATA = "https://www.wikidata.org/wiki/"
_WIKIPEDIA = "https://en.wikipedia.org/wiki/"
_PLAIN = "/:,;@!$*()'"  # what Wikipedia leaves unescaped in its own addresses
_UNBOUNDED = 10_000

Object = dict[str, Any]


def annotation_object(annotation: Annotation, options: Options) -> Object:
    """The JSON object of an annotated document."""
    places = offset_table(annotation.text, options.offsets)
    return {
        "id": annotation.id,
        "language": annotation.language,
        "index": annotation.index,
        "mentions": [
            {
                "start": places[link.mention.start],
                "end": places[link.mention.end],
                "surface": link.mention.surface,
                **_link_object(link, options),
            }
            for link in annotation.links
        ],
    }


def lookup_object(lookup: Lookup) -> Object:
    """The JSON object of a look-up."""
    entities = {entity.id: entity for entity in lookup.candidates}
    return {
        "mention": lookup.mention,
        "status": lookup.link.status,
        "confidence": _rounded(lookup.link.confidence),
        "entity": entity_object(lookup.link.entity) if lookup.link.entity else None,
        "candidates": [
            {**_candidate_object(candidate), "description": entities[candidate.id].description}
            for candidate in lookup.link.candidates
        ],
    }


def entity_object(entity: Entity) -> Object:
    """The JSON object of an entity inside an answer; `wikipedia` is null where no article is known."""
    title = entity.wikipedia
    return {
        "id": entity.id,
        "label": entity.label,
        "description": entity.description,
        "url": _WIKIDATA + entity.id,
        "wikipedia": _WIKIPEDIA + quote(title.replace(" ", "_"), safe=_PLAIN) if title else None,
    }


def json_line(value: Object) -> str:
    """The object on one line."""
    return msgspec.json.encode(value).decode()


def annotation_table(annotation: Annotation) -> Table:
    """The mentions of a document as a table."""
    table = _table("surface", "type", "QID", "label", "confidence")
    for link in annotation.links:
        entity = link.entity
        table.add_row(
            Text(link.mention.surface),
            link.type or "",
            entity.id if entity else link.status.upper(),
            Text(entity.label if entity else ""),
            f"{link.confidence:.2f}",
        )
    return table


def lookup_table(lookup: Lookup) -> Table:
    """The candidates of a name as a table."""
    entities = {entity.id: entity for entity in lookup.candidates}
    table = _table("QID", "label", "description", "confidence")
    for candidate in lookup.link.candidates:
        entity = entities[candidate.id]
        table.add_row(entity.id, Text(entity.label), Text(entity.description or ""), f"{candidate.score:.2f}")
    return table


def table_text(table: Table) -> str:
    """The table as lines of text: as wide as the terminal, or as it needs where there is none."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _UNBOUNDED)
    with console.capture() as captured:
        console.print(table)
    return "\n".join(line.rstrip() for line in captured.get().strip("\n").splitlines())


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column == "confidence" else "left", overflow="fold")
    return table


def _link_object(link: Link, options: Options) -> Object:
    shown: Object = {
        "type": link.type,
        "status": link.status,
        "confidence": _rounded(link.confidence),
        "entity": entity_object(link.entity) if link.entity else None,
    }
    if options.candidates:
        shown["candidates"] = [_candidate_object(candidate) for candidate in link.candidates]
    if options.explain:
        features = link.candidates[0].features if link.candidates else {}
        shown["explanation"] = {name: _rounded(value) for name, value in features.items()}
    return shown


def _candidate_object(candidate: ScoredCandidate) -> Object:
    return {"id": candidate.id, "label": candidate.label, "score": _rounded(candidate.score)}


def _rounded(value: float) -> float:
    """Four places: enough for any use, and the same bytes on machines whose last bits differ."""
    return round(value, 4) + 0.0
