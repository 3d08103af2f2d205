"""Finding entities by their identifiers in other catalogues: an ORCID iD, a VIAF number, a ticker symbol."""

import time
from collections.abc import Sequence
from typing import Protocol

from nedsvc.errors import SourceUnavailable
from nedsvc.inquiry import fetch
from nedsvc.models import Entity, Link, Lookup, Mention, RankedCandidate, Status, qid_number
from nedsvc.never import NOTHING, Never
from nedsvc.sources import KnowledgeSource


class Catalogue(Protocol):
    """Knows which items have which identifiers."""

    def items_with(self, property_: str, value: str, limit: int = 10, until: float | None = None) -> list[str]:
        """The QIDs of the items of which the property has this value, the lowest first."""


class IdentifierLookup:
    """Looks identifiers up in a catalogue, and shows what the sources know of the entities that bear them.

    One look-up may take `patience` seconds. What must `never` be linked is nobody's.
    """

    def __init__(
        self, catalogue: Catalogue, sources: Sequence[KnowledgeSource], patience: float, never: Never = NOTHING
    ) -> None:
        self._catalogue = catalogue
        self._sources = tuple(sources)
        self._patience = patience
        self._never = never

    def lookup(self, property_: str, value: str, *, language: str = "en", limit: int = 5) -> Lookup:
        """The entities with this value of a property: linked where it is one, ambiguous where there are several.

        Raises `InvalidInput` for what cannot be a property or a value, and `SourceUnavailable`.
        """
        until = time.monotonic() + self._patience
        items = self._catalogue.items_with(property_, value, limit, until)
        ids = [id_ for id_ in items if qid_number(id_) not in self._never.numbers]
        known = fetch(self._sources, ids, language, until)
        entities = []
        for id_ in ids:
            entity = known.get(id_, Entity(id=id_, label=id_))
            if isinstance(entity, SourceUnavailable):
                raise entity
            entities.append(entity)
        return Lookup(mention=value, link=_link(value, entities))


def _link(value: str, entities: Sequence[Entity]) -> Link:
    score = 1 / len(entities) if entities else 0.0
    return Link(
        mention=Mention(0, len(value), value),
        type=entities[0].types[0] if len(entities) == 1 and entities[0].types else None,
        status=_status(len(entities)),
        confidence=score,
        candidates=tuple(RankedCandidate(entity.id, score, entity) for entity in entities),
        entity=entities[0] if len(entities) == 1 else None,
    )


def _status(found: int) -> Status:
    if found == 0:
        return "nil"
    return "linked" if found == 1 else "ambiguous"
