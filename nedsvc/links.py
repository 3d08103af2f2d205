"""From decisions to the links and roles of an answer."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from nedsvc.decision import Choice, Decision, reasons, status
from nedsvc.errors import SourceUnavailable
from nedsvc.models import Entity, EntityType, Link, Mention, Options, RankedCandidate, Role
from nedsvc.roles import FoundRole
from nedsvc.sources import Known

# Of several types of an entity the first of these is reported: a country is also an organisation and a region.
_MOST_TELLING: tuple[EntityType, ...] = (
    "PERSON", "GPE", "ORG", "NORP", "LANGUAGE", "LAW", "EVENT", "FAC", "LOC", "WORK_OF_ART", "PRODUCT",
)  # fmt: skip


def to_links(
    mentions: Sequence[Mention], decisions: Sequence[Decision], entities: Mapping[str, Known], options: Options
) -> list[Link]:
    """The links of all mentions of a text, in its order."""
    links = [
        to_link(mentions[position], decision, entities, options)
        for decision in decisions
        for position in decision.chain.mentions
    ]
    return sorted(links, key=lambda link: (link.mention.start, link.mention.end))


def to_link(mention: Mention, decision: Decision, entities: Mapping[str, Known], options: Options) -> Link:
    """The link of one mention; an entity that could not be asked for is its error."""
    candidates = tuple(_ranked(choice, entities, options) for choice in decision.choices)
    best = decision.choices[0] if decision.choices else None
    known = entities.get(best.candidate.id) if best else None
    failure = decision.failure or (known if isinstance(known, SourceUnavailable) else None)
    found = "error" if failure else status(decision, options.threshold)
    entity = _if_entity(known) if found == "linked" else None
    return Link(
        mention=mention,
        type=_type(mention, best if entity else None),
        status="nil" if found == "linked" and entity is None else found,
        confidence=best.probability if best else 0.0,
        entity=entity,
        candidates=candidates,
        error=str(failure) if failure else None,
        reasons=reasons(decision) if options.explain else {},
    )


def to_role(role: FoundRole, entities: Mapping[str, Known], options: Options) -> Role:
    """The role as it is shown; a holder who could not be asked for is its error."""
    candidates = tuple(
        RankedCandidate(id=id_, score=score, entity=_if_entity(entities.get(id_)))
        for id_, score in role.candidates[: options.limit]
    )
    best = entities.get(candidates[0].id) if candidates else None
    failure = best if role.status == "linked" and isinstance(best, SourceUnavailable) else None
    entity = _if_entity(best) if role.status == "linked" else None
    found = "error" if failure else role.status
    return Role(
        mention=Mention(role.start, role.end, role.surface, "PERSON"),
        status="nil" if found == "linked" and entity is None else found,
        confidence=candidates[0].score if candidates else 0.0,
        entity=entity,
        office=role.office,
        candidates=candidates,
        error=str(failure) if failure else None,
    )


def asked_for(links: Iterable[Link], wanted: set[tuple[int, int]] | None, options: Options) -> Iterator[Link]:
    """The links of the spans that are wanted (None: all) and of the types that the options name."""
    for link in links:
        if wanted is not None and (link.mention.start, link.mention.end) not in wanted:
            continue
        if not options.types or link.type in options.types:
            yield link


def shown_ids(decisions: Iterable[Decision], options: Options) -> list[str]:
    """The ids of the entities that an answer shows, each once."""
    most = options.limit if options.candidates else 2 if options.explain else 1
    return list(dict.fromkeys(choice.candidate.id for decision in decisions for choice in decision.choices[:most]))


def _ranked(choice: Choice, entities: Mapping[str, Known], options: Options) -> RankedCandidate:
    return RankedCandidate(
        id=choice.candidate.id,
        score=choice.probability,
        entity=_if_entity(entities.get(choice.candidate.id)),
        features=choice.features if options.explain else {},
    )


def _type(mention: Mention, best: Choice | None) -> EntityType | None:
    """What the mention names: an entity's own type repairs the detector's guess."""
    if best is None or not best.candidate.types:
        return mention.label
    if best.candidate.kind == "demonym":
        return "NORP"
    if mention.label in best.candidate.types:
        return mention.label
    return min(best.candidate.types, key=_MOST_TELLING.index)


def _if_entity(known: Known | None) -> Entity | None:
    return known if isinstance(known, Entity) else None
