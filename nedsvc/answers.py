"""Answers as the JSON objects that users see: the same from the command line and over HTTP."""

from collections.abc import Mapping
from urllib.parse import quote

import msgspec
from msgspec import UNSET, UnsetType

from nedsvc.errors import NedError
from nedsvc.models import (
    Annotation,
    Entity,
    EntityType,
    Link,
    Lookup,
    Office,
    OfficeName,
    Options,
    Provenance,
    RankedCandidate,
    Role,
    Status,
    is_qid,
)
from nedsvc.offsets import offset_table

_WIKIDATA = "https://www.wikidata.org/wiki/"
_WIKIPEDIA = "https://en.wikipedia.org/wiki/"
_PLAIN = "/:,;@!$*()'"  # what Wikipedia leaves unescaped in its own addresses


class EntityAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An entity inside an answer; `url` and `wikipedia` are null where no page and no English article is known."""

    id: str
    label: str
    description: str | None
    url: str | None
    wikipedia: str | None


class CandidateAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What else a mention may mean; `score` is the probability that it does."""

    id: str
    label: str | None
    description: str | UnsetType | None = UNSET
    score: float


class Against(msgspec.Struct, frozen=True, kw_only=True):
    """The candidate after the best one, and by how much each feature spoke for the best one, the most telling first.

    What is negative spoke for this one.
    """

    id: str
    label: str | None
    reasons: Mapping[str, float]


class MentionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A mention of a document; `entity` is null unless it is linked, and `error` is there where it failed.

    On request `explanation` has the features of the best candidate, and `against` what set it apart from the next one.
    """

    start: int
    end: int
    surface: str
    type: EntityType | None
    status: Status
    confidence: float
    entity: EntityAnswer | None
    error: str | UnsetType = UNSET
    candidates: tuple[CandidateAnswer, ...] | UnsetType = UNSET
    explanation: Mapping[str, float] | UnsetType = UNSET
    against: Against | UnsetType = UNSET


class RoleAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Words that mean the holder of an office; `entity` is the holder, null unless it is linked.

    `candidates` are there on request, and where the role is ambiguous.
    """

    start: int
    end: int
    surface: str
    type: EntityType | None
    status: Status
    confidence: float
    entity: EntityAnswer | None
    office: OfficeName | None
    error: str | UnsetType = UNSET
    candidates: tuple[CandidateAnswer, ...] | UnsetType = UNSET


class DocumentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An annotated document; `roles`, and the `date` that they are told for, are there on request.

    `text` is what was read where it is not what was given, as the article of a page in HTML; offsets are those in it.
    """

    id: str | None
    language: str
    index: str
    text: str | UnsetType = UNSET
    mentions: tuple[MentionAnswer, ...]
    date: str | UnsetType | None = UNSET
    roles: tuple[RoleAnswer, ...] | UnsetType = UNSET


class ErrorDetail(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong: the kind, and a sentence about this case."""

    title: str
    detail: str


class FailedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A document among many that could not be annotated: its line, counted from 1, and its file where it is in one."""

    id: str | None
    file: str | UnsetType = UNSET
    line: int
    error: ErrorDetail


class LookupAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a single name means; `error` is there where it could not be found out."""

    mention: str
    status: Status
    confidence: float
    entity: EntityAnswer | None
    error: str | UnsetType = UNSET
    candidates: tuple[CandidateAnswer, ...] = ()


class EntityDetails(EntityAnswer, frozen=True, kw_only=True):
    """All that is known of an entity; `names` has the label first in each language."""

    types: tuple[EntityType, ...]
    names: Mapping[str, tuple[str, ...]]
    offices: tuple[Office, ...]
    dates: Mapping[str, str]
    provenance: Provenance | UnsetType = UNSET


def document_answer(annotation: Annotation, options: Options, *, show_text: bool = False) -> DocumentAnswer:
    """The answer for an annotated document, with the text that was read where it is to be shown."""
    places = offset_table(annotation.text, options.offsets)
    return DocumentAnswer(
        id=annotation.id,
        language=annotation.language,
        index=annotation.index,
        text=annotation.text if show_text else UNSET,
        mentions=tuple(
            _mention_answer(link, places[link.mention.start], places[link.mention.end], options)
            for link in annotation.links
        ),
        date=annotation.date if options.roles else UNSET,
        roles=tuple(
            _role_answer(role, places[role.mention.start], places[role.mention.end], options)
            for role in annotation.roles
        )
        if options.roles
        else UNSET,
    )


def error_detail(error: NedError) -> ErrorDetail:
    """What went wrong, as it is shown."""
    return ErrorDetail(title=error.title, detail=str(error))


def lookup_answer(lookup: Lookup) -> LookupAnswer:
    """The answer for a look-up."""
    return LookupAnswer(
        mention=lookup.mention,
        status=lookup.link.status,
        confidence=_rounded(lookup.link.confidence),
        entity=entity_answer(lookup.link.entity) if lookup.link.entity else None,
        error=lookup.link.error or UNSET,
        candidates=tuple(
            CandidateAnswer(
                id=candidate.id,
                label=candidate.entity.label if candidate.entity else None,
                description=candidate.entity.description if candidate.entity else None,
                score=_rounded(candidate.score),
            )
            for candidate in lookup.link.candidates
        ),
    )


def entity_answer(entity: Entity) -> EntityAnswer:
    """The answer for an entity inside another one."""
    return EntityAnswer(
        id=entity.id,
        label=entity.label,
        description=entity.description,
        url=_page(entity),
        wikipedia=_wikipedia(entity),
    )


def entity_details(entity: Entity) -> EntityDetails:
    """The answer for an entity that was asked for."""
    return EntityDetails(
        id=entity.id,
        label=entity.label,
        description=entity.description,
        url=_page(entity),
        wikipedia=_wikipedia(entity),
        types=entity.types,
        names=entity.names,
        offices=entity.offices,
        dates=entity.dates,
        provenance=entity.provenance or UNSET,
    )


def _page(entity: Entity) -> str | None:
    """Its page: Wikidata's where it is an item and nothing else is known."""
    return entity.url or (_WIKIDATA + entity.id if is_qid(entity.id) else None)


def _wikipedia(entity: Entity) -> str | None:
    return _WIKIPEDIA + quote(entity.wikipedia.replace(" ", "_"), safe=_PLAIN) if entity.wikipedia else None


def _mention_answer(link: Link, start: int, end: int, options: Options) -> MentionAnswer:
    features = link.candidates[0].features if link.candidates else {}
    return MentionAnswer(
        start=start,
        end=end,
        surface=link.mention.surface,
        type=link.type,
        status=link.status,
        confidence=_rounded(link.confidence),
        entity=entity_answer(link.entity) if link.entity else None,
        error=link.error or UNSET,
        candidates=tuple(map(_candidate_answer, link.candidates)) if options.candidates else UNSET,
        explanation=_all_rounded(features) if options.explain else UNSET,
        against=_against(link) if link.reasons else UNSET,
    )


def _against(link: Link) -> Against:
    other = link.candidates[1]
    return Against(id=other.id, label=other.entity.label if other.entity else None, reasons=_all_rounded(link.reasons))


def _all_rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: _rounded(value) for name, value in values.items()}


def _role_answer(role: Role, start: int, end: int, options: Options) -> RoleAnswer:
    shown = options.candidates or role.status == "ambiguous"
    return RoleAnswer(
        start=start,
        end=end,
        surface=role.mention.surface,
        type=role.mention.label,
        status=role.status,
        confidence=_rounded(role.confidence),
        entity=entity_answer(role.entity) if role.entity else None,
        office=role.office,
        error=role.error or UNSET,
        candidates=tuple(map(_candidate_answer, role.candidates)) if shown else UNSET,
    )


def _candidate_answer(candidate: RankedCandidate) -> CandidateAnswer:
    label = candidate.entity.label if candidate.entity else None
    return CandidateAnswer(id=candidate.id, label=label, score=_rounded(candidate.score))


def _rounded(value: float) -> float:
    """Four places: enough for any use, and the same bytes on machines whose last bits differ."""
    return round(value, 4) + 0.0
