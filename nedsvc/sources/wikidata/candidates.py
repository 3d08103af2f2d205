"""Which of a name's items are candidates, and by which of their names."""

from collections.abc import Collection, Iterable, Iterator

from nedsvc import tables
from nedsvc.context import word_number
from nedsvc.matching import OTHER_LANGUAGE, PARTIAL, WORDS_OF_WHOLE_NAME, case_similarity, forms, likeness
from nedsvc.models import Candidate, NameKind
from nedsvc.names import fold, shape, strip_possessive
from nedsvc.sources.wikidata.profile import Name, Profile

# The closer a name is to its entity the earlier it stands; where several match, the closest counts.
_CLOSENESS: tuple[NameKind, ...] = ("label", "demonym", "shorthand", "alias", "partial", "similar")


def candidates_among(name: str, profiles: Iterable[Profile]) -> tuple[Candidate, ...]:
    """Who bears the name, then whose name it is a part of, else who bears a similar one; the best known first."""
    return best_matches([_candidate(profile, *match) for profile in profiles if (match := _match(name, profile))])


def best_matches(found: Collection[Candidate]) -> tuple[Candidate, ...]:
    """Those of the candidates of a name that count: similar names only where nobody bears it, whole or in part."""
    bearers = [candidate for candidate in found if candidate.kind != "similar"]
    return tuple(sorted(bearers or found, key=_order))


def _order(candidate: Candidate) -> tuple[bool, float, int]:
    return candidate.kind == "partial", -candidate.popularity, candidate.number


def _match(name: str, profile: Profile) -> tuple[NameKind, float] | None:
    """How the item's names match the one asked for; None where none does or it is no entity that a text names."""
    if profile.is_left_out:
        return None
    return _borne(name, profile) or _part(name, profile) or _similar(name, profile)


def _borne(name: str, profile: Profile) -> tuple[NameKind, float] | None:
    """The closest name that is the one asked for, or a form of it."""
    for form, weight in forms(name, tables.titles()):
        key = fold(form)
        same = [known for known in profile.names if known.key == key]
        if same:
            return min(_matches(form, weight, same), key=_closest)
    return None


def _matches(form: str, weight: float, same: Iterable[Name]) -> Iterator[tuple[NameKind, float]]:
    written = shape(form)
    for known in same:
        similarity = weight * case_similarity(written, known.shape, len(form))
        yield known.kind, similarity if known.own else similarity * OTHER_LANGUAGE


def _closest(match: tuple[NameKind, float]) -> tuple[int, float]:
    kind, similarity = match
    return _CLOSENESS.index(kind), -similarity


def _part(name: str, profile: Profile) -> tuple[NameKind, float] | None:
    """A match where the single word asked for stands in a longer name ("Blinken")."""
    key = fold(strip_possessive(name))
    if " " in key:
        return None
    words = (known.key.split() for known in profile.names)
    return ("partial", PARTIAL) if any(key in each and len(each) in WORDS_OF_WHOLE_NAME for each in words) else None


def _similar(name: str, profile: Profile) -> tuple[NameKind, float] | None:
    asked = fold(strip_possessive(name))
    words = frozenset(profile.words.tolist())
    best = max(
        (
            likeness(asked, known.key, lambda word: word_number(word) in words, tables.stop_words())
            for known in profile.names
        ),
        default=0.0,
    )
    return ("similar", best) if best else None


def _candidate(profile: Profile, kind: NameKind, similarity: float) -> Candidate:
    return Candidate(
        id=f"Q{profile.number}",
        number=profile.number,
        kind=kind,
        similarity=similarity,
        popularity=profile.popularity,
        types=profile.types,
        links=profile.links,
        words=profile.words,
    )
