"""A live source with what an overlay tells of beside it."""

from collections.abc import Sequence

from nedsvc.errors import SourceUnavailable
from nedsvc.index.view import OpenIndex
from nedsvc.sources import Candidates, KnowledgeSource, Known


class BesideSource:
    """One source of two: of the first what an overlay of its index tells of, of the second all else.

    So own entities and items compete for a name, which they would not if one source were asked after the other.
    """

    def __init__(self, local: KnowledgeSource, index: OpenIndex, other: KnowledgeSource) -> None:
        self._local = local
        self._index = index
        self._other = other

    @property
    def id(self) -> str:
        """Names both."""
        return f"{self._other.id}+{self._local.id}"

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of the other source."""
        return self._other.languages

    @property
    def lasting(self) -> bool:
        """Whether the other source's answers last."""
        return self._other.lasting

    def search(self, names: Sequence[str], language: str, until: float) -> dict[str, Candidates]:
        """What each name may mean; nothing is said of a name that the other source could not be asked for."""
        own = self._local.search(names, language, until)
        found = self._other.search(names, language, until)
        return {name: self._joined(own[name], found[name]) for name in names}

    def fetch(self, ids: Sequence[str], language: str, until: float) -> dict[str, Known]:
        """The entities with these ids."""
        numbers = {id_: self._index.number_of(id_) for id_ in ids}
        told = [id_ for id_, number in numbers.items() if number is not None and self._index.tells(number)]
        own = self._local.fetch(told, language, until)
        missing = [id_ for id_ in ids if id_ not in own]
        return own | (self._other.fetch(missing, language, until) if missing else {})

    def _joined(self, own: Candidates, found: Candidates) -> Candidates:
        if isinstance(own, SourceUnavailable) or isinstance(found, SourceUnavailable):
            return own if isinstance(own, SourceUnavailable) else found
        told = tuple(one for one in own if self._index.tells(one.number))
        return (*told, *(one for one in found if not self._index.tells(one.number)))
