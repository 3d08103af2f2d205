r"""Writes made dumps in the layout and the proportions of Wikidata's own, from some thousand to many million items.

    python benchmarks/made_dumps.py --items 1000000 > dump.json
    python benchmarks/made_dumps.py --items 1000000 --part 2/2 -o half.json.gz

The same items and seed give the same bytes. `--part i/n` gives the i-th part of the same dump, itself a valid dump, so
that several processes can make one. `--lean` leaves out what an index in English skips anyway: the other languages,
references, and statements that are no links, dates or offices (so that popularity, which counts statements, is lower).
Each block of a thousand items has a random generator of its own. Most of the bytes, statements and descriptions, are
chosen from pools that are written once, so that a dump is made as fast as it is read.

Proportions and where they are from:

- 118 million items and 1.6 TB of JSON, 13.6 kB an item; 14 statements an item: Wikidata:Statistics, 2025.
- Kinds: 38 % scholarly articles, 11 % people: Wikidata:Statistics; 46.4 of 120 million items are scholarly works
  (huggingface.co/datasets/philippesaade/wikidata, discussion 3); addshore.com/2025/08, "Wikidata, instance of and
  subclass of through time"; those below 1 % are estimates.
- 5.1 labels, 25 descriptions, 1.05 aliases and 12 external identifiers an item: wikitech.wikimedia.org,
  User:AKhatun/Wikidata Vertical Analysis (499.7, 2471, 102.6 and 1141 million of 97.3 million items, June 2021).
- 0.8 sitelinks an item, most have none: Wikidata:Statistics; the rest of the distribution is a power law.
- Layout: `\uXXXX` in all text, no hashes in main snaks: Wikibase's JsonDumpGenerator (json_encode without flags).
- Names: Zipf-Mandelbrot draws of made words without an end, so that the vocabulary grows with the items (Heaps).
"""

import argparse
import bz2
import gc
import math
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from statistics import NormalDist
from typing import BinaryIO, NamedTuple, cast

import dump_names as names
import numpy as np
from dump_names import COMMON_WORDS, VOCABULARIES, Drawn
from dump_pieces import (
    ITEM,
    LANGUAGES,
    MARK_OF,
    PLAIN,
    SCRIPT_TABLES,
    SITES,
    STATEMENT,
    TIME,
    Pieces,
    Statements,
    Template,
    escaped,
    label,
    statements_of,
    template,
)
from isal import igzip

BLOCK = 1000
FEWEST = 2000
_IDS = 138_000_000  # ids are spread over as many as Wikidata has, whatever the number of items
_FIRST_ID = 1000
_SPARE = 8  # ids between two items, to step aside from those of the real classes and countries
_MADE_CLASSES, _MADE_OFFICES = 139_000_000, 139_100_000
_SUBCLASSES, _OFFICES = 4, 40
_POOL, _TEXTS = 256, 64
_GIANTS, _GIANT_SITELINKS = 24, 100
_MOST_SITELINKS = len(SITES)
_GUIDS, _REFERENCES = 4096, 1024
_COUNTRIES = Path(__file__).parents[1] / "nedsvc" / "data" / "leaders.tsv"


class Kind(NamedTuple):
    """One kind of items: how many of a thousand, their classes, and how much of everything they have.

    `statements` is the median, `spread` the standard deviation of its logarithm, beside the `links` (property, kind it
    leads to, share that has it). `linked` is the share with a sitelink.
    """

    name: str
    per_mille: int
    classes: tuple[int, ...]
    namer: Callable[[Drawn], str]
    statements: float
    spread: float
    labels: float
    descriptions: float
    aliases: float
    linked: float
    links: tuple[tuple[str, str, float], ...] = ()


_COUNTRY_CLASS, _OFFICE_CLASS = 6256, 4164871
_COUNTRY = "country"
KINDS = (
    Kind(
        *("article", 380, (13442814, 7318358), names.title, 13, 0.65, 2.2, 22, 0.5, 0.0),
        (("P50", "person", 0.3), ("P1433", "work", 0.9), ("P921", "other", 0.3)),
    ),
    Kind(
        *("person", 106, (5,), names.person_name, 11, 0.7, 8, 20, 0.8, 0.42),
        (
            *(("P27", _COUNTRY, 0.65), ("P19", "settlement", 0.4), ("P20", "settlement", 0.15)),
            *(("P69", "organisation", 0.2), ("P54", "organisation", 0.1), ("P102", "organisation", 0.03)),
            *(("P108", "organisation", 0.1), ("P22", "person", 0.04), ("P26", "person", 0.04)),
        ),
    ),
    Kind("star", 90, (523, 318, 2247863), names.star_name, 11, 0.4, 3.5, 34, 1.8, 0.04, (("P59", "other", 0.9),)),
    Kind("taxon", 35, (16521,), names.taxon_name, 9, 0.6, 14, 60, 0.3, 0.8, (("P171", "taxon", 0.95),)),
    Kind("category", 46, (4167836,), names.category_name, 1.5, 0.5, 3, 70, 0.05, 1.0, (("P301", "settlement", 0.2),)),
    Kind("disambiguation", 13, (4167410,), names.ambiguous_name, 1.2, 0.5, 6, 60, 0.05, 1.0),
    Kind("template", 7, (11266439,), names.template_name, 1.2, 0.4, 4, 60, 0.02, 1.0),
    Kind("list", 4, (13406463, 15184295), names.title, 1.6, 0.5, 2, 40, 0.02, 1.0),
    Kind(
        *("settlement", 45, (486972, 532, 515), names.place_name, 9, 0.7, 10, 24, 0.6, 0.55),
        (("P17", _COUNTRY, 0.97), ("P131", "settlement", 0.85), ("P47", "settlement", 0.15)),
    ),
    Kind(
        *("landscape", 35, (4022, 23397, 8502), names.landscape_name, 7, 0.5, 5, 25, 0.15, 0.5),
        (("P17", _COUNTRY, 0.97), ("P131", "settlement", 0.7)),
    ),
    Kind(
        *("building", 30, (41176, 79007), names.building_name, 8, 0.6, 2.5, 8, 0.15, 0.15),
        (("P17", _COUNTRY, 0.95), ("P131", "settlement", 0.85), ("P84", "person", 0.1)),
    ),
    Kind(
        *("organisation", 20, (43229, 4830453, 3918, 783794), names.organisation_name, 8, 0.8, 3.5, 7, 0.7, 0.3),
        (("P17", _COUNTRY, 0.8), ("P159", "settlement", 0.35), ("P112", "person", 0.05), ("P749", "organisation", 0.1)),
    ),
    Kind(
        *("work", 25, (3305213, 11424, 482994, 571, 7366), names.work_name, 11, 0.7, 4, 10, 0.25, 0.35),
        (("P170", "person", 0.35), ("P57", "person", 0.15), ("P175", "person", 0.2), ("P495", _COUNTRY, 0.4)),
    ),
    Kind("family name", 6, (101352,), names.family_name, 5, 0.5, 12, 40, 0.05, 0.3),
    Kind("given name", 1, (202444,), names.given_name, 6, 0.5, 20, 40, 0.2, 0.6),
    Kind(
        "gene", 12, (7187,), names.code, 16, 0.4, 3, 12, 1.5, 0.01, (("P703", "taxon", 1.0), ("P688", "protein", 0.5))
    ),
    Kind("protein", 9, (8054,), names.protein_name, 14, 0.5, 2.5, 14, 1.2, 0.01, (("P703", "taxon", 1.0),)),
    Kind("chemical", 12, (11173,), names.chemical_name, 14, 0.5, 2.2, 8, 1.0, 0.03),
    Kind(
        *("event", 20, (1656682, 27020041), names.event_name, 6, 0.7, 3.5, 7, 0.15, 0.5),
        (("P17", _COUNTRY, 0.7), ("P276", "settlement", 0.3), ("P710", "organisation", 0.2)),
    ),
    Kind(
        *("other", 79, (1190554, 35120, 488383), names.other_name, 6, 0.8, 3, 12, 0.5, 0.3),
        (("P361", "other", 0.2), ("P17", _COUNTRY, 0.2), ("P279", "other", 0.05)),
    ),
    Kind("without class", 25, (), names.other_name, 2, 0.7, 1.6, 5, 0.1, 0.6),
)
_KIND_OF_NAME = {kind.name: place for place, kind in enumerate(KINDS)}


@cache
def _schedule() -> list[int]:
    """Which kind each item of a block is of: the same in every block, so that the j-th item of a kind is known."""
    kinds = [place for place, kind in enumerate(KINDS) for _ in range(kind.per_mille)]
    return random.Random(1).sample(kinds, BLOCK)


@cache
def _slots(kind: int) -> list[int]:
    return [slot for slot, of in enumerate(_schedule()) if of == kind]


class _Pool(NamedTuple):
    """What the items of a kind choose from: each a full and a lean form."""

    labels: list[tuple[Template, Template]]
    descriptions: list[tuple[bytes, bytes]]
    statements: list[tuple[Statements, Statements]]


def _pool(kind: int) -> _Pool:
    """The quantiles of each distribution are in the pool once, so that its proportions are right."""
    of = KINDS[kind]
    chance = random.Random(1000 + kind)
    pieces = Pieces(chance)
    normal, texts = _normal(_POOL), _normal(_TEXTS)
    statements = []
    for z in normal:
        class_ = _class_of(of, chance)
        count = round(of.statements * float(np.exp(of.spread * z))) - bool(class_)
        statements.append(pieces.statements(max(count, not class_), class_))
    return _Pool(
        [_label_pair(of, chance, 0.6 * z) for z in texts],
        [_description_pair(of, chance, 0.5 * z) for z in chance.sample(texts, _TEXTS)],
        statements,
    )


def _normal(count: int) -> list[float]:
    """So many quantiles of the normal distribution."""
    return [NormalDist().inv_cdf((place + 0.5) / count) for place in range(count)]


def _class_of(kind: Kind, chance: random.Random) -> int | None:
    if not kind.classes:
        return None
    class_ = chance.choice(kind.classes)
    return chance.choice(_subclasses(class_)) if kind.name != "person" and chance.random() < 0.2 else class_


def _chosen_languages(chance: random.Random, count: int, first: float) -> list[str]:
    """So many languages, the large ones more often; English among them with this probability."""
    weights = {language: chance.expovariate(1) * (place % 60 + 3) for place, language in enumerate(LANGUAGES[1:])}
    chosen = sorted(weights, key=weights.__getitem__)
    has_english = chance.random() < first
    return (["en"] if has_english else []) + chosen[: max(count - has_english, 0 if has_english else 1)]


def _label_pair(kind: Kind, chance: random.Random, z: float) -> tuple[Template, Template]:
    languages = _chosen_languages(chance, max(1, round(kind.labels * float(np.exp(z)) * 0.9)), 0.89)
    if chance.random() < 0.18:
        languages.insert(0, "mul")
    return (
        template(list(map(label, languages))),
        template([label(language) for language in languages if language in ("en", "mul")]),
    )


def _description_pair(kind: Kind, chance: random.Random, z: float) -> tuple[bytes, bytes]:
    languages = _chosen_languages(chance, round(kind.descriptions * float(np.exp(z)) * 0.9), 0.8)
    what = kind.name
    if kind.name == "person":
        what = f"{chance.choice(_OCCUPATIONS)} (~)"
    elif chance.random() < 0.6:
        what = f"{what} in {chance.choice(_countries())[1]}"
    elif chance.random() < 0.5:
        what = f"{what} of {' '.join(chance.choices(COMMON_WORDS, k=2))}"
    plain = what.lower().replace("(~)", "").strip()
    parts = []
    for language in languages:
        mark = MARK_OF.get(language)
        text = plain.translate(SCRIPT_TABLES[mark.encode()]) if mark else plain
        parts.append(
            f'"{language}":{{"language":"{language}","value":"{what if language == "en" else escaped(text)}"}}'
        )
    english = [part for part in parts[:1] if languages[0] == "en"]
    return ",".join(parts).encode("ascii", "ignore"), ",".join(english).encode("ascii", "ignore")


_OCCUPATIONS = (
    *("politician", "footballer", "researcher", "actor", "writer", "painter", "singer", "journalist", "lawyer", "poet"),
    *("botanist", "engineer", "architect", "military officer", "priest", "composer", "film director", "businessperson"),
)


@cache
def _countries() -> list[tuple[int, str]]:
    lines = _COUNTRIES.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return sorted({(int(qid[1:]), name) for qid, _, name in rows})


@cache
def _classes() -> list[int]:
    return sorted({class_ for kind in KINDS for class_ in kind.classes})


def _subclasses(class_: int) -> list[int]:
    """The numbers of made classes below a real one."""
    first = _MADE_CLASSES + _classes().index(class_) * _SUBCLASSES
    return list(range(first, first + _SUBCLASSES))


def _head(form: int) -> list[bytes]:
    """The countries, classes and offices that the others lead to; not as large as they are, as small dumps have all."""
    pieces = Pieces(random.Random(0))
    lines = []
    countries = [pieces.statements(30, _COUNTRY_CLASS)[form] for _ in range(_GIANTS)]
    for place, (number, name) in enumerate(_countries()):
        lines.append(_small_item(number, name, "country", countries[place % _GIANTS], 250))
    for class_ in _classes():
        name = next(kind.name for kind in KINDS if class_ in kind.classes)
        lines.append(_small_item(class_, f"{name} {class_}", "class", pieces.statements(5, None)[0], 30))
        above = STATEMENT % (ITEM % ("P279", "", class_, class_), "", pieces.guid(), "")
        held = statements_of(f'"P279":[{above}]')
        lines += [_small_item(number, f"{name} {number}", "class", held, 3) for number in _subclasses(class_)]
    for number in range(_OFFICES):
        name = f"Minister of {COMMON_WORDS[number * 97].capitalize()}"
        lines.append(_small_item(_MADE_OFFICES + number, name, "office", pieces.statements(3, _OFFICE_CLASS)[0], 5))
    return lines


def _small_item(number: int, name: str, what: str, statements: Statements, sitelinks: int) -> bytes:
    text = escaped(name).encode()
    titles = template(SITES[:sitelinks]).filled(text, name.lower())
    parts = (
        *(b'{"type":"item","id":"Q%d","labels":{' % number, template([label("en")]).filled(text, "")),
        *(b'},"descriptions":{"en":{"language":"en","value":"', what.encode(), b'"}},"aliases":[],"claims":{'),
        *((b"Q%d$" % number).join(statements), b'},"sitelinks":{', titles, b"}", _tail(number)),
    )
    return b"".join(parts)


def _tail(number: int) -> bytes:
    return b',"pageid":%d,"ns":0,"title":"Q%d","lastrevid":%d,"modified":"2025-%02d-%02dT%02d:00:00Z"}' % (
        number + 129,
        number,
        2_300_000_000 - number,
        number % 12 + 1,
        number % 28 + 1,
        number % 24,
    )


class Dump:
    """A dump of so many items; `blocks` gives it piece by piece."""

    def __init__(self, items: int, seed: int = 1, lean: bool = False) -> None:
        if items < FEWEST:
            raise SystemExit(f"--items: at least {FEWEST:,}, as the countries and classes are among them")
        self._seed, self._lean = seed, lean
        form = int(lean)
        pools = [_pool(kind) for kind in range(len(KINDS))]
        self._labels = [[pair[form] for pair in pool.labels] for pool in pools]
        self._descriptions = [[pair[form] for pair in pool.descriptions] for pool in pools]
        self._statements = [[pair[form] for pair in pool.statements] for pool in pools]
        self._classes = [[pair[1] for pair in pool.statements] for pool in pools]
        pieces = Pieces(random.Random(2))
        self._giants = [pieces.statements(pieces.giant(), None)[form] for _ in range(_GIANTS)]
        self._guids = [pieces.guid().encode() for _ in range(_GUIDS)]
        self._references = [b"" if lean else pieces.references().encode() for _ in range(_REFERENCES)]
        self._titles = [[template(sites) for sites in _site_sets(count)] for count in range(_MOST_SITELINKS + 1)]
        self._head = _head(form)
        self._scheduled = items - len(self._head)
        self._stride = _IDS // items
        self._reserved = frozenset([*_classes(), *(number for number, _ in _countries())])
        whole = max(1, self._scheduled // BLOCK)
        self._counts = [whole * kind.per_mille for kind in KINDS]

    def blocks(self, part: int = 1, parts: int = 1) -> Iterator[list[bytes]]:
        """The lines of the part, without what stands between them."""
        count = -(-self._scheduled // BLOCK)
        if part == 1:
            yield self._head
        for block in range(count * (part - 1) // parts, count * part // parts):
            yield self._block(block)

    def _block(self, block: int) -> list[bytes]:
        chance = np.random.Generator(np.random.PCG64([self._seed, block]))
        ranks = [of.ranks(chance.random((BLOCK, of.draws))) for of in VOCABULARIES]
        numbers = chance.integers(0, 1 << 31, (BLOCK, 8))
        uniforms = chance.random((BLOCK, 28))
        rows = zip(*(array.tolist() for array in (*ranks, numbers, uniforms)), strict=True)
        schedule = _schedule()
        order = np.arange(BLOCK) + np.where(chance.random(BLOCK) < 0.02, chance.uniform(0, 300, BLOCK), 0)
        first = block * BLOCK
        items = [
            self._item(first + slot, schedule[slot], Drawn(*row))
            for slot, row in zip(range(min(BLOCK, self._scheduled - first)), rows, strict=False)
        ]
        return [items[place] for place in np.argsort(order, kind="stable").tolist() if place < len(items)]

    def _number(self, position: int) -> int:
        """The id of the item at this position: ids ascend, with gaps."""
        step = (position * 2_654_435_761 >> 8) % (self._stride - _SPARE)
        number = _FIRST_ID + position * self._stride + step
        while number in self._reserved:
            number += 1
        return number

    def _target(self, kind: str, uniform: float) -> int:
        """The id of an item of the kind, the first of them the most often: about 1 / (rank + 20)."""
        if kind == _COUNTRY:
            return _countries()[_zipf(len(_countries()), 3, uniform)][0]
        place = _KIND_OF_NAME[kind]
        slots = _slots(place)
        block, slot = divmod(_zipf(self._counts[place], 20, uniform), len(slots))
        return self._number(block * BLOCK + slots[slot])

    def _item(self, position: int, kind: int, drawn: Drawn) -> bytes:
        of, number, choices = KINDS[kind], self._number(position), drawn.numbers
        name = of.namer(drawn)
        if name.isascii():
            plain, text = name.lower(), name.encode()
        else:
            plain, text = name.lower().translate(PLAIN), escaped(name).encode()
        sitelinks = self._sitelinks(position, of, drawn.uniform)
        described = self._descriptions[kind][choices[3] % _TEXTS]
        own = self._own(of, number, drawn)
        if of.name == "person":
            born = 1750 + choices[5] % 260
            described = described.replace(b"~", b"%d\\u2013%d" % (born, born + choices[5] % 90))
            own += self._life(number, born, drawn)
        held = [self._statements[kind][choices[4] % _POOL]]
        if sitelinks > _GIANT_SITELINKS:
            held = [self._classes[kind][choices[4] % _POOL], self._giants[choices[4] % _GIANTS]]
        subject = b"Q%d$" % number
        own += [subject.join(statements) for statements in held if statements[0]]
        labels, titles = self._labels[kind][choices[2] % _TEXTS], self._titles[sitelinks]
        aliases = self._aliases(of, name, drawn)
        parts = (
            *(
                b'{"type":"item","id":"Q%d","labels":{' % number,
                labels.filled(text, plain),
            ),
            *(b'},"descriptions":{', described, b'},"aliases":', aliases, b',"claims":{', b",".join(own)),
            *(b'},"sitelinks":{', titles[choices[6] % len(titles)].filled(text, plain) if sitelinks else b"", b"}"),
            _tail(number),
        )
        return b"".join(parts)

    def _sitelinks(self, position: int, of: Kind, uniform: list[float]) -> int:
        """None for most; a power law for the others, and more for the first of all."""
        if uniform[0] >= of.linked:
            return 0
        boost = max(1.0, (0.001 * self._scheduled / (position + 1)) ** 0.7)
        return min(_MOST_SITELINKS, int(boost * (1 - uniform[1]) ** (-1 / 1.3)))

    def _own(self, of: Kind, number: int, drawn: Drawn) -> list[bytes]:
        """The statements that lead to other items, by property."""
        found = []
        chosen = drawn.numbers[7]
        for place, (link, kind, share) in enumerate(of.links):
            if drawn.uniform[2 + place] < share:
                target = self._target(kind, drawn.uniform[15 + place])
                guid, references = (
                    self._guids[(chosen + place) % _GUIDS],
                    self._references[(chosen + place) % _REFERENCES],
                )
                found.append(_LINK_OF[link] % (target, target, number, guid, references))
        return found

    def _life(self, number: int, born: int, drawn: Drawn) -> list[bytes]:
        """A person's dates, and an office for a few."""
        found, chosen, uniform = [], drawn.numbers[6], drawn.uniform
        references = self._references[chosen % _REFERENCES]
        guid = self._guids[chosen % _GUIDS]
        month, day, precision = (chosen % 12 + 1, chosen % 28 + 1, 11) if uniform[12] < 0.6 else (0, 0, 9)
        if uniform[13] < 0.75:
            found.append(_BORN % (born, month, day, precision, number, guid, references))
        if uniform[14] < 0.4:
            found.append(_DIED % (born + drawn.numbers[5] % 90, month, day, precision, number, guid, references))
        if uniform[26] < 0.02:
            office = _MADE_OFFICES + chosen % _OFFICES
            found.append(_HELD % (office, office, born + 40, born + 44, number, guid, references))
        return found

    def _aliases(self, of: Kind, name: str, drawn: Drawn) -> bytes:
        count = int(-of.aliases * math.log(1 - drawn.uniform[27]) + 0.3)
        if not count:
            return b"[]"
        words = name.split()
        made = [
            f"{words[0][0]}. {words[-1]}",
            *("".join(word[0] for word in words).upper() + str(number) for number in range(count - 1)),
        ]
        if of.name not in ("person", "organisation"):
            made = [f"{name} {names.word_of(3, rank % 5000)}" for rank in drawn.terms[:count]]
        held = ",".join(f'{{"language":"en","value":"{escaped(alias)}"}}' for alias in made)
        others = () if self._lean else ("de", "nl", "ru")[: drawn.numbers[1] % 4]
        more = "".join(f',"{code}":[{held.replace(_ENGLISH, f"{_LANGUAGE}{code}")}]' for code in others)
        return f'{{"en":[{held}]{more}}}'.encode()


_LANGUAGE = '"language":"'
_ENGLISH = f"{_LANGUAGE}en"
_NUMBERED = 987_654_321  # stands where a number comes in later


def _own_statement(property_: str, snak: str) -> bytes:
    """A statement by its property, for the item's number, what follows it in the id, and the references."""
    whole = (STATEMENT % (snak, "", "%b", "%b")).replace("Q0$", "Q%d$")
    return f'"{property_}":[{whole.replace(str(_NUMBERED), "%d")}]'.encode()


def _link(property_: str) -> bytes:
    return _own_statement(property_, ITEM % (property_, "", _NUMBERED, _NUMBERED))


def _date(property_: str) -> bytes:
    return _own_statement(property_, TIME % (property_, "", "+%04d-%02d-%02dT00:00:00Z", _NUMBERED))


def _tenure() -> bytes:
    begin, end = (TIME % (property_, "", "+%04d-00-00T00:00:00Z", 9) for property_ in ("P580", "P582"))
    qualifiers = f',"qualifiers":{{"P580":[{begin}],"P582":[{end}]}},"qualifiers-order":["P580","P582"]'
    return _link("P39").replace(b',"id":"Q%d$', qualifiers.encode() + b',"id":"Q%d$')


_LINK_OF = {link: _link(link) for kind in KINDS for link, _, _ in kind.links}
_BORN, _DIED, _HELD = _date("P569"), _date("P570"), _tenure()


def _zipf(count: int, shift: int, uniform: float) -> int:
    """A rank below the count, with a probability of about 1 / (rank + shift)."""
    return int(shift * ((count + shift) / shift) ** uniform) - shift


def _site_sets(count: int) -> list[list[str]]:
    """What an item with so many sitelinks may have: any for one of them, the largest for many."""
    chance = random.Random(count)
    if count > 40:
        return [SITES[:count]]
    return [chance.sample(SITES[: 12 + 3 * count], count) for _ in range(32)] if count else [[]]


@contextmanager
def opened(target: str) -> Iterator[BinaryIO]:
    """The file, packed as its name says, or standard output for "-"."""
    if target == "-":
        yield sys.stdout.buffer
        return
    if target.endswith(".gz"):
        with igzip.open(target, "wb", compresslevel=1) as packed:
            yield cast(BinaryIO, packed)
    elif target.endswith(".bz2"):
        with bz2.open(target, "wb") as file:
            yield cast(BinaryIO, file)
    else:
        with Path(target).open("wb") as plain:
            yield plain


def write(dump: Dump, file: BinaryIO, part: int = 1, parts: int = 1) -> None:
    """Write a part of a dump as a dump of its own."""
    between = b"[\n"
    for lines in dump.blocks(part, parts):
        file.write(between)
        file.write(b",\n".join(lines))
        between = b",\n"
    file.write(b"\n]\n")


def main() -> None:
    """Write a dump."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--items", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", default="1/1", metavar="I/N", help="the I-th of N parts, a dump of its own")
    parser.add_argument("--lean", action="store_true", help="without what an index in English skips")
    parser.add_argument("-o", "--output", default="-", help="file (.gz and .bz2 are packed); default: standard output")
    arguments = parser.parse_args()
    part, _, parts = arguments.part.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        parser.error("--part: two numbers such as 1/2")
    gc.disable()  # what is made has no cycles
    with opened(arguments.output) as file:
        write(Dump(arguments.items, arguments.seed, arguments.lean), file, int(part), int(parts))


if __name__ == "__main__":
    main()
