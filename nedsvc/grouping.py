"""Which mentions of a document go together: a name and itself, its surname, its acronym."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import msgspec

from nedsvc.models import EntityType, Mention
from nedsvc.names import fold, initials, is_acronym

MOST_EXPANSIONS = 8  # a name that more longer ones hold is short for none of them


class Chain(msgspec.Struct, frozen=True):
    """The mentions of a document with the same name; they are decided together.

    `mentions` are positions in the document's list, `expansions` positions in its list of chains: the longer names
    that this one may be short for.
    """

    name: str
    label: EntityType | None
    mentions: tuple[int, ...]
    expansions: tuple[int, ...]


def chains(mentions: Sequence[Mention]) -> tuple[Chain, ...]:
    """The chains of a document, in the order of their first mention."""
    by_name: defaultdict[str, list[int]] = defaultdict(list)
    for position, mention in enumerate(mentions):
        by_name[mention.surface].append(position)
    names = list(by_name)
    expansions = _expansions(names)
    return tuple(
        Chain(name, _label([mentions[position] for position in positions]), tuple(positions), expansions[name])
        for name, positions in by_name.items()
    )


def _label(mentions: Sequence[Mention]) -> EntityType | None:
    """The label most often given; the first one of equals."""
    counts = Counter(mention.label for mention in mentions if mention.label is not None)
    return counts.most_common(1)[0][0] if counts else None


def _expansions(names: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """For each name the positions of the longer names that begin or end with it, or whose initials it is."""
    words = [tuple(fold(name).split()) for name in names]
    longer: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for position, keys in enumerate(words):
        for part in {part for size in (1, 2) if size < len(keys) for part in (keys[:size], keys[-size:])}:
            longer[part].append(position)
    acronyms: defaultdict[str, list[int]] = defaultdict(list)
    for position, name in enumerate(names):
        if len(words[position]) > 1:
            acronyms[initials(name)].append(position)
    return {
        name: tuple(
            (longer[keys] if not is_acronym(name) else longer[keys] + acronyms["".join(keys)])[:MOST_EXPANSIONS]
        )
        for name, keys in zip(names, words, strict=True)
    }
