"""Pieces of JSON for `made_dumps.py`, in the layout of Wikidata's: labels and sitelinks as templates, statements."""

import json
import random
from collections.abc import Sequence
from typing import NamedTuple

from dump_names import COMMON_WORDS

_LATIN = (
    *("en", "de", "fr", "es", "nl", "it", "sv", "pt", "pl", "ca", "ast", "sq", "nb", "da", "fi", "cs", "hu", "tr"),
    *("ro", "vi", "id", "en-gb", "en-ca", "pt-br", "ga", "gl", "eu", "sl", "hr", "sk", "et", "lt", "lv", "eo", "ceb"),
    *("war", "nn", "oc", "ms", "cy", "af", "is", "la", "lb", "br", "io", "ia", "vo", "an", "gsw", "bar", "nds", "sco"),
)
_SCRIPTS = {  # the letters that stand for a to z, and the languages that are written with them
    "\x01": ("абцдефгхийклмнопкрстувшкыз", ("ru", "uk", "bg", "sr", "be", "kk", "mk", "tt")),
    "\x02": ("ابجدةفغهيجكلمنوبقرستوفوخيز", ("ar", "arz", "fa", "ur", "azb")),
    "\x03": ("アブクデエフガハイジカルマノオパキラサタウバワスヤズ", ("ja", "zh", "ko", "zh-hans", "zh-hant", "zh-cn")),
    "\x04": ("অবচদএফগহইজকলমনওপকরসতউভবক্যয"[:26], ("bn", "hi", "ta", "te", "mr")),
    "\x05": ("αβκδεφγηιζκλμνοπκρστυβωξψζ", ("el", "he", "hy", "ka")),
}
MARK_OF = {language: mark for mark, (_, languages) in _SCRIPTS.items() for language in languages}
LANGUAGES = (*_LATIN, *MARK_OF)
PLAIN = str.maketrans("áéöüčñ", "aeoucn")


def escaped(text: str) -> str:
    """The text as it stands in a dump, between quotes."""
    return text if text.isascii() else json.dumps(text)[1:-1]


SCRIPT_TABLES = {
    mark.encode(): str.maketrans({chr(97 + place): escaped(letter) for place, letter in enumerate(letters)})
    for mark, (letters, _) in _SCRIPTS.items()
}


class Template(NamedTuple):
    """JSON in pieces, between which a name stands, and with marks for the name in other scripts."""

    pieces: list[bytes]
    marks: tuple[bytes, ...]

    def filled(self, name: bytes, plain: str) -> bytes:
        """The JSON with the name."""
        text = name.join(self.pieces)
        for mark in self.marks:
            text = text.replace(mark, plain.translate(SCRIPT_TABLES[mark]).encode())
        return text


def template(parts: Sequence[str]) -> Template:
    """The template of these entries of a map."""
    text = ",".join(parts).encode()
    return Template(text.split(b"@"), tuple(mark for mark in SCRIPT_TABLES if mark in text))


def label(language: str) -> str:
    """The label in a language, its name being a mark."""
    return f'"{language}":{{"language":"{language}","value":"{MARK_OF.get(language, "@")}"}}'


def _site(language: str, project: str = "wiki") -> str:
    site = language.replace("-", "_") + project
    return f'"{site}":{{"site":"{site}","title":"{MARK_OF.get(language, "@")}","badges":[]}}'


SITES = [
    _site(language, project) for project in ("wiki", "wikiquote", "wikivoyage", "wikisource") for language in LANGUAGES
]


ITEM = (
    '{"snaktype":"value","property":"%s",%s"datavalue":{"value":{"entity-type":"item","numeric-id":%d,"id":"Q%d"},'
    '"type":"wikibase-entityid"},"datatype":"wikibase-item"}'
)
_STRING = '{"snaktype":"value","property":"%s",%s"datavalue":{"value":"%s","type":"string"},"datatype":"%s"}'
TIME = (
    '{"snaktype":"value","property":"%s",%s"datavalue":{"value":{"time":"%s","timezone":0,"before":0,"after":0,'
    '"precision":%d,"calendarmodel":"http:\\/\\/www.wikidata.org\\/entity\\/Q1985727"},"type":"time"},"datatype":"time"}'
)
_QUANTITY = (
    '{"snaktype":"value","property":"%s",%s"datavalue":{"value":{"amount":"+%d.%d","unit":'
    '"http:\\/\\/www.wikidata.org\\/entity\\/Q%d"},"type":"quantity"},"datatype":"quantity"}'
)
_COORDINATE = (
    '{"snaktype":"value","property":"%s",%s"datavalue":{"value":{"latitude":%.6f,"longitude":%.6f,"altitude":null,'
    '"precision":0.0001,"globe":"http:\\/\\/www.wikidata.org\\/entity\\/Q2"},"type":"globecoordinate"},'
    '"datatype":"globe-coordinate"}'
)
_TEXT = (
    '{"snaktype":"value","property":"%s",%s"datavalue":{"value":{"text":"%s","language":"en"},"type":"monolingualtext"},'
    '"datatype":"monolingualtext"}'
)
STATEMENT = '{"mainsnak":%s,"type":"statement"%s,"id":"Q0$%s","rank":"normal"%s}'


Statements = list[bytes]
"""Statements in pieces, between which the id of their item stands."""


def statements_of(text: str) -> Statements:
    """Statements of the item Q0, for any item."""
    return text.encode().split(b"Q0$")


class Pieces:
    """Makes statements with references and qualifiers; all from one generator of random numbers."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def guid(self) -> str:
        """What follows the item's id in that of a statement."""
        text = f"{self._chance.getrandbits(128):032X}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def _hash(self) -> str:
        return f"{self._chance.getrandbits(160):040x}"

    def _number(self, most: int = 100_000_000) -> int:
        return int(most ** self._chance.random()) + 1

    def _identifier(self) -> str:
        chance = self._chance
        if chance.random() < 0.5:
            return str(chance.randrange(10 ** chance.randint(5, 10)))
        journal = f"{chance.choice('abcdes')}.{chance.getrandbits(36):x}"
        return f"10.{chance.randrange(1000, 9999)}\\/{journal}.{chance.randrange(9999)}"

    def _day(self) -> str:
        chance = self._chance
        return f"+{chance.randint(1950, 2024)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}T00:00:00Z"

    def snak(self, hash_: str = "") -> tuple[str, str]:
        """The property and the snak of a value that an index in English has no use for."""
        chance = self._chance
        form, property_ = chance.random(), f"P{chance.choice((2, 4, 5, 6, 8, 10)) * 1000 + chance.randrange(900)}"
        if form < 0.62:
            held = _STRING % (property_, hash_, self._identifier(), "external-id")
        elif form < 0.84:
            number = self._number()
            held = ITEM % (property_, hash_, number, number)
        elif form < 0.89:
            held = TIME % (property_, hash_, self._day(), 11)
        elif form < 0.94:
            held = _QUANTITY % (property_, hash_, *(chance.randrange(1000) for _ in range(3)))
        elif form < 0.96:
            held = _COORDINATE % (property_, hash_, chance.uniform(-90, 90), chance.uniform(-180, 180))
        elif form < 0.98:
            held = _TEXT % (property_, hash_, " ".join(chance.choices(COMMON_WORDS, k=8)))
        else:
            file = f"{chance.choice(COMMON_WORDS)} {chance.randrange(9999)}.jpg"
            held = _STRING % (property_, hash_, file, "commonsMedia")
        return property_, held

    def references(self) -> str:
        """None, or one or two references with what they state."""
        count = self._chance.choices((0, 1, 2), (0.27, 0.63, 0.10))[0]
        if not count:
            return ""
        return f',"references":[{",".join(self._reference() for _ in range(count))}]'

    def _reference(self) -> str:
        chance = self._chance
        source = self._number(100_000)
        snaks = {"P248": ITEM % ("P248", "", source, source)}
        form = chance.random()
        if form < 0.3:
            snaks = {"P143": ITEM % ("P143", "", source, source)}
        if form > 0.25:
            snaks["P813"] = TIME % ("P813", "", self._day(), 11)
        if form > 0.45:
            url = f"https:\\/\\/www.example.org\\/{chance.choice(COMMON_WORDS)}\\/works\\/{chance.getrandbits(40):x}"
            snaks["P854"] = _STRING % ("P854", "", url, "url")
        held = ",".join(f'"{name}":[{snak}]' for name, snak in snaks.items())
        order = ",".join(f'"{name}"' for name in snaks)
        return f'{{"hash":"{self._hash()}","snaks":{{{held}}},"snaks-order":[{order}]}}'

    def _qualifiers(self) -> str:
        if self._chance.random() > 0.2:
            return ""
        made = dict(
            self.snak(f'"hash":"{self._hash()}",') for _ in range(self._chance.choices((1, 2, 3), (8, 3, 1))[0])
        )
        held = ",".join(f'"{name}":[{snak}]' for name, snak in made.items())
        order = ",".join(f'"{name}"' for name in made)
        return f',"qualifiers":{{{held}}},"qualifiers-order":[{order}]'

    def giant(self) -> int:
        """How many statements one of the largest items has."""
        return self._chance.randint(150, 700)

    def statement(self, snak: str) -> str:
        """A statement of the item Q0."""
        return STATEMENT % (snak, self._qualifiers(), self.guid(), self.references())

    def class_statement(self, number: int) -> tuple[str, str]:
        """P31, in full and lean."""
        snak = ITEM % ("P31", "", number, number)
        full, lean = self.statement(snak), STATEMENT % (snak, "", self.guid(), "")
        return f'"P31":[{full}]', f'"P31":[{lean}]'

    def statements(self, count: int, class_: int | None) -> tuple[Statements, Statements]:
        """So many statements by property, that of the class among them, and the latter alone."""
        full, lean = self.class_statement(class_) if class_ else ("", "")
        of: dict[str, list[str]] = {}
        while count > 0:
            property_, snak = self.snak()
            again = min(count, int(self._chance.paretovariate(1.1)) if '"wikibase-item"' in snak else 1)
            of.setdefault(property_, []).append(self.statement(snak))
            for _ in range(again - 1):
                number = self._number()
                of[property_].append(self.statement(ITEM % (property_, "", number, number)))
            count -= again
        parts = [full] * bool(full) + [f'"{name}":[{",".join(held)}]' for name, held in of.items()]
        return statements_of(",".join(parts)), statements_of(lean)
