"""The records that travel through the linker; all of them immutable.

They are `msgspec.Struct`s: frozen like dataclasses, but some ten times as cheap to make (a document makes
thousands of candidates), and they encode to JSON as they stand.
"""

import datetime
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Literal, NamedTuple, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from nedsvc.errors import InvalidInput, NedError

EntityType = Literal["PERSON", "ORG", "GPE", "LOC", "FAC", "NORP", "EVENT", "PRODUCT", "WORK_OF_ART", "LAW", "LANGUAGE"]
ENTITY_TYPES: tuple[EntityType, ...] = get_args(EntityType)

_QID = re.compile(r"Q[1-9][0-9]{0,9}", re.ASCII)
_OWN_ID = re.compile(r"[A-Za-z][\w-]*:[\w.-]+", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LARGEST_NUMBER = 2**31 - 1
FIRST_OWN_NUMBER = _LARGEST_NUMBER + 1

Status = Literal["linked", "nil", "ambiguous", "error"]
Offsets = Literal["codepoint", "utf16", "utf8"]
Metonymy = Literal["literal", "referent"]
RankerName = Literal["fast", "accurate"]
Markup = Literal["text", "html"]
NameKind = Literal[
    "label", "alias", "demonym", "shorthand", "acronym", "partial", "similar", "expansion", "inner", "akin"
]


class Span(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True):
    """A half-open range of Unicode code points."""

    start: int
    end: int


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A text to annotate. With `mentions`, just those spans are disambiguated (they may overlap).

    `date` is the day on which it was written (2023-03-21), for the roles in it.
    """

    text: str
    id: str | None = None
    language: str = "en"
    mentions: Sequence[Span] | None = None
    date: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise InvalidInput("text", f"must be a string, not {type(self.text).__name__}")
        if not self.text.strip():
            raise InvalidInput("text", "is empty; give a text that has words")
        _check_unicode("text", self.text)
        if self.mentions is not None and not isinstance(self.mentions, tuple | list):
            raise InvalidInput("mentions", f"must be a list of Span, not {type(self.mentions).__name__}")
        for span in self.mentions or ():
            self._check(span)
        if self.date is not None:
            read_date(self.date)

    def _check(self, span: Span) -> None:
        if not isinstance(span, Span) or not _is_whole(span.start) or not _is_whole(span.end):
            raise InvalidInput("mentions", f"must hold Span(start, end) with whole numbers, not {span!r}")
        if not 0 <= span.start < span.end <= len(self.text):
            where = f"inside the text of {len(self.text)} characters"
            raise InvalidInput("mentions", f"the span {span.start}-{span.end} is not {where}")
        if not self.text[span.start : span.end].strip():
            raise InvalidInput("mentions", f"the span {span.start}-{span.end} holds no word")


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a caller may choose; the same names in the CLI, in JSON and in Python.

    `types`: report only mentions of these types (empty: all). `threshold`: the least confidence of a link.
    `limit`: candidates kept a mention. `candidates`: show them. `explain`: show what speaks for the best one.
    `roles`: tell who held the offices that the text names ("the Russian prime minister") on its day. `metonymy`:
    whether a capital that acts is the city (`literal`) or the government that it stands for (`referent`).
    `offsets`: the unit in which JSON counts; in Python offsets are always code points. In Python the ids and scores of
    the candidates are always there; `candidates` adds their entities. `ranker`: "accurate" reads the sentences around
    mentions with a sentence encoder, for which the index needs vectors.
    """

    types: Sequence[EntityType] = ()
    threshold: float = 0.45
    limit: int = 5
    candidates: bool = False
    explain: bool = False
    roles: bool = False
    metonymy: Metonymy = "literal"
    offsets: Offsets = "codepoint"
    ranker: RankerName = "fast"

    def __post_init__(self) -> None:
        if not isinstance(self.types, tuple | list):
            raise InvalidInput("types", f"must be a list of types, not {self.types!r}")
        for name in self.types:
            if name not in ENTITY_TYPES:
                raise InvalidInput("types", f"{name!r} is unknown; choose from {', '.join(ENTITY_TYPES)}")
        if not _is_number(self.threshold) or not 0 <= self.threshold <= 1:
            raise InvalidInput("threshold", f"must be a number from 0 to 1, not {self.threshold!r}")
        if not _is_whole(self.limit) or self.limit < 1:
            raise InvalidInput("limit", f"must be a whole number of 1 or more, not {self.limit!r}")
        if not isinstance(self.roles, bool):
            raise InvalidInput("roles", f"must be true or false, not {self.roles!r}")
        if self.metonymy not in get_args(Metonymy):
            raise InvalidInput("metonymy", f"{self.metonymy!r} is unknown; choose from {', '.join(get_args(Metonymy))}")
        if self.offsets not in get_args(Offsets):
            raise InvalidInput("offsets", f"{self.offsets!r} is unknown; choose from {', '.join(get_args(Offsets))}")
        if self.ranker not in get_args(RankerName):
            raise InvalidInput("ranker", f"{self.ranker!r} is unknown; choose from {', '.join(get_args(RankerName))}")


class Mention(msgspec.Struct, frozen=True):
    """A span of the text that names something. `label` is the detector's guess of its type."""

    start: int
    end: int
    surface: str
    label: EntityType | None = None


class AnchorCounts(NamedTuple):
    """What a wiki's links say of a name: how many with this text lead to an entity, and how many links it is in all.

    `unlinked` says how often the text is no link where it stands.
    """

    meant: int
    linked: int
    unlinked: int


class Candidate(msgspec.Struct, frozen=True, gc=False, eq=False):
    """An entity that a name may mean, with what ranking reads of it.

    `kind` says which of its names matched: its label, an alias, a demonym of it, a shorthand of world news, one with
    the initials that are asked for, one that holds the one asked for as a part (`partial`), a similar one, the longer
    name that the document uses for it (`expansion`), or one that is a mere guess: a part of the one asked for (`inner`)
    or one with words in common (`akin`).
    `similarity` (0 to 1) compares that name with the one asked for. `popularity` is 0 to 1. `types` are the coarse
    types that the entity's classes give (empty: unknown). `links` are the numbers of related entities and `words`
    those of the words of its description and surroundings (`context.word_number`), both as arrays of unsigned 32-bit
    integers. `number` orders entities: the QID's digits, or one from `FIRST_OWN_NUMBER` on where the id is no QID.
    `vector` is the direction of what it means, zeros where too little is known of it, or None where the source has no
    vectors. `anchors` counts the links of a wiki whose text is the name by which the entity matches; None where nothing
    is known of it.
    """

    id: str
    number: int
    kind: NameKind
    similarity: float
    popularity: float
    types: frozenset[EntityType]
    links: NDArray[np.uint32]
    words: NDArray[np.uint32]
    vector: NDArray[np.int8] | None = None
    anchors: AnchorCounts | None = None


class Office(msgspec.Struct, frozen=True, omit_defaults=True):
    """A position held: its QID and the ISO dates (or years) between which it was held, where known."""

    id: str
    start: str | None = None
    end: str | None = None


class Provenance(msgspec.Struct, frozen=True):
    """Where live knowledge comes from: the host, the revision of the page, and when it was retrieved (ISO, UTC)."""

    source: str
    revision: int
    retrieved: str


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """An entity as it is shown. `url` is set where its page is not Wikidata's, `provenance` for what was asked live."""

    id: str
    label: str
    description: str | None = None
    types: tuple[EntityType, ...] = ()
    names: dict[str, tuple[str, ...]] = {}
    wikipedia: str | None = None
    offices: tuple[Office, ...] = ()
    dates: dict[str, str] = {}
    popularity: float = 0.0
    url: str | None = None
    provenance: Provenance | None = None


class RankedCandidate(msgspec.Struct, frozen=True):
    """A candidate after ranking: `score` is the probability that the mention means it.

    `entity` is there for the candidates that are shown, `features` where an explanation was asked for.
    """

    id: str
    score: float
    entity: Entity | None = None
    features: Mapping[str, float] = {}


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a mention after linking.

    `candidates` are sorted, the best first, and `confidence` is the best one's score (0 where there is none).
    `entity` is set where, and only where, the status is `linked`, and `error` says what went wrong where it is `error`.
    Where an explanation was asked for, `reasons` tell what spoke for the best candidate against the next one.
    """

    mention: Mention
    type: EntityType | None
    status: Status
    confidence: float
    candidates: tuple[RankedCandidate, ...] = ()
    entity: Entity | None = None
    error: str | None = None
    reasons: Mapping[str, float] = {}


class OfficeName(msgspec.Struct, frozen=True):
    """An office by its id and label."""

    id: str
    label: str


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """Words that mean whoever holds an office ("the Russian prime minister"), and who that was.

    `entity` is the holder, set where, and only where, the status is `linked`. Where it is `ambiguous` the candidates
    are those who may have held it; `nil` means that nobody is known. `office` is None where only the person is known.
    """

    mention: Mention
    status: Status
    confidence: float
    entity: Entity | None = None
    office: OfficeName | None = None
    candidates: tuple[RankedCandidate, ...] = ()
    error: str | None = None


class Annotation(msgspec.Struct, frozen=True, kw_only=True):
    """A document with its links, in the order of the text. `index` names the knowledge that answered.

    `roles` are there where they were asked for, with the day that they were told for.
    """

    id: str | None
    language: str
    index: str
    text: str
    links: tuple[Link, ...]
    roles: tuple[Role, ...] = ()
    date: str | None = None


class FailedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document among many that could not be annotated, and why."""

    id: str | None
    error: NedError


def annotation_or_raise(found: Annotation | FailedDocument) -> Annotation:
    """The annotation. Raises what the document failed with."""
    if isinstance(found, FailedDocument):
        raise found.error
    return found


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name to look up, with a text around it and what it is known to be, where the caller knows."""

    mention: str
    context: str | None = None
    type: EntityType | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.mention, str) or not self.mention.strip():
            raise InvalidInput("mention", "is empty; give a name")
        _check_unicode("mention", self.mention)
        if self.context is not None:
            if not isinstance(self.context, str):
                raise InvalidInput("context", f"must be a string, not {type(self.context).__name__}")
            _check_unicode("context", self.context)
        if self.type is not None and self.type not in ENTITY_TYPES:
            raise InvalidInput("type", f"{self.type!r} is unknown; choose from {', '.join(ENTITY_TYPES)}")


class Lookup(msgspec.Struct, frozen=True, kw_only=True):
    """What a single name means."""

    mention: str
    link: Link


def _check_unicode(field: str, text: str) -> None:
    """Refuses half of a surrogate pair, which no encoding of Unicode can write."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(field, f"holds half a surrogate pair at {error.start}, which is no character") from error


def read_date(value: object) -> datetime.date:
    """The day of an ISO date (2023-03-21). Raises `InvalidInput`."""
    if isinstance(value, str) and _DAY.fullmatch(value):
        with suppress(ValueError):
            return datetime.date.fromisoformat(value)
    raise InvalidInput("date", f"must be a day as in 2023-03-21, not {value!r}")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, float) or _is_whole(value)


def is_qid(text: str) -> bool:
    """Whether it can be the id of an item; Wikibase counts up to 2,147,483,647."""
    return bool(_QID.fullmatch(text)) and qid_number(text) <= _LARGEST_NUMBER


def is_own_id(text: str) -> bool:
    """Whether it can be the id of an entity that is in no Wikibase (acme:42)."""
    return bool(_OWN_ID.fullmatch(text))


def is_entity_id(text: str) -> bool:
    """Whether it can be the id of an entity, an item or another."""
    return is_qid(text) or is_own_id(text)


def checked_id(id_: str) -> str:
    """The id as it is given. Raises `InvalidInput` for what can be none."""
    if not is_entity_id(id_):
        raise InvalidInput(
            "id", f"{id_!r} is no Wikidata item id; they look like Q42, and those of own entities acme:42"
        )
    return id_


def checked_qid(qid: str) -> str:
    """The id as it is given. Raises `InvalidInput` for what is no QID."""
    if not is_qid(qid):
        raise InvalidInput("id", f"{qid!r} is no Wikidata item id; they look like Q42")
    return qid


def qid_number(qid: str) -> int:
    """The number in a QID that is known to be well-formed."""
    return int(qid[1:])
