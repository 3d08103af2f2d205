"""Wikitext as it stands in a page of a wiki: its links, and its running text outside of them.

Only what links and running text need is read, with regular expressions, each of which passes over a page in a time
that grows with its length. The rules are those of MediaWiki's parser where nothing else is said.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from html import unescape
from typing import NamedTuple
from unicodedata import normalize

import msgspec

ARTICLES = 0
_FILES = 6
# Every wiki knows these names of namespaces beside its own.
_CANONICAL = {
    "media": -2,
    "special": -1,
    "talk": 1,
    "user": 2,
    "user talk": 3,
    "project": 4,
    "project talk": 5,
    "file": _FILES,
    "image": _FILES,
    "file talk": 7,
    "image talk": 7,
    "mediawiki": 8,
    "mediawiki talk": 9,
    "template": 10,
    "template talk": 11,
    "help": 12,
    "help talk": 13,
    "category": 14,
    "category talk": 15,
}
# What files were called before, in some large wikis; a dump names only what they are called now.
_FILES_BEFORE = (
    "bild",
    "imagen",
    "immagine",
    "imagem",
    "afbeelding",
    "изображение",
    "grafika",
    "画像",
    "图像",
    "ficheiro",
)

# A name does not go on from one side of this to the other. XML cannot hold the character, so no page does.
_GAP = "\x01"
_MOST_NESTED = 40  # templates in templates, as in MediaWiki
_MOST_LINKS_NESTED = 3
_LONGEST_TITLE = 255  # bytes
UNFIT = "text without words, or too long"  # why a link is left out

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_VERBATIM = re.compile(
    r"<(nowiki|pre|math|chem|source|syntaxhighlight|score|timeline|graph|mapframe|maplink|templatedata|hiero)\b"
    r"[^<>]*?(?:/>|>(.*?)(?:</\1\s*>|\Z))",
    re.DOTALL | re.IGNORECASE,
)
_MARKUP = re.compile(r"[\[\]{}|<>'=&]")
_LINK = re.compile(
    r"\[\[([^\[\]{}|<>\n]*+)(?:\|((?:[^\[\]]++|\[(?!\[)|\](?!\]))*+))?\]\]([^\W\d_\u3040-\u30ff\u3400-\uffff]*+)"
)
_TEMPLATE = re.compile(r"\{\{(?:[^{}]++|\{(?!\{)|\}(?!\}))*+\}\}")
_REFERENCE = re.compile(r"<ref\b[^<>]*?(?:/>|>.*?(?:</ref\s*>|\Z))", re.DOTALL | re.IGNORECASE)
_TABLE_LINE = re.compile(r"\s*:*\s*(\{\||\|\})")
_ADDRESS = re.compile(r"\[(?:https?:|ftp:|mailto:|//)[^\]\n]*\]?|http(?:s?)://[^\s<>\[\]|]+")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_QUOTES = re.compile("''+")
_MARKS = re.compile("[\u200e\u200f\u202a-\u202e]")
_ESCAPED = re.compile("(?:%[0-9A-Fa-f]{2})+")
_FORBIDDEN = re.compile(r"[\[\]{}|<>\x00-\x1f\ufffd]")
_IN_BRACKETS = re.compile(r"\s*[(（][^()（）]*[)）]$|[,，、] .*$")


class Site(msgspec.Struct, frozen=True):
    """What a wiki calls itself (`enwiki`) and its namespaces, and the prefixes by which it links to other wikis.

    `first_letter` says that titles begin with a capital whatever a link writes. Names and prefixes are in lower case.
    """

    name: str
    first_letter: bool
    namespaces: Mapping[str, int]
    other_wikis: frozenset[str]


class Anchor(NamedTuple):
    """A link to an article: its text as it is shown, and the article's title."""

    text: str
    title: str


class Parsed(NamedTuple):
    """What a page holds: its links to articles, stretches of running text, and links left out, for each reason."""

    links: list[Anchor]
    stretches: list[str]
    left_out: Counter[str]


def site(name: str, case: str, namespaces: Mapping[str, int], other_wikis: Iterable[str]) -> Site:
    """A wiki that says of itself what stands in its dump."""
    own = {namespace.lower(): number for namespace, number in namespaces.items() if number != ARTICLES}
    files = dict.fromkeys(_FILES_BEFORE, _FILES)
    return Site(name, case == "first-letter", {**files, **_CANONICAL, **own}, frozenset(other_wikis))


class PageReader:
    """Reads pages of one wiki. It remembers the titles that it has seen in links: let it read some thousand pages."""

    def __init__(self, wiki: Site) -> None:
        self._wiki = wiki
        self._targets: dict[str, tuple[str, str]] = {}

    def read(self, wikitext: str) -> Parsed:
        """The links and the running text; none of them fails, however broken the markup is."""
        page = _Page(self)
        text = page.without_links(page.without_verbatim(wikitext))
        return Parsed(page.links, _stretches(text), page.left_out)

    def title(self, name: str) -> str:
        """The name of a page as the wiki keeps it, with spaces; "" for what is no title."""
        title = " ".join(name.replace("_", " ").split())
        if not title.isascii():
            title = normalize("NFC", title)
        if not title or _FORBIDDEN.search(title) or len(title.encode()) > _LONGEST_TITLE:
            return ""
        first = title[0].upper()
        return first + title[1:] if self._wiki.first_letter and len(first) == 1 else title

    def target(self, written: str) -> tuple[str, str]:
        """The title that the target of a link names, or "" and what it is instead of an article."""
        known = self._targets.get(written)
        if known is None:
            known = self._targets[written] = self._target(written)
        return known

    def is_file(self, written: str) -> bool:
        """Whether a target shows a file, so that its text is a caption."""
        page = _plain(written).strip()
        return not page.startswith(":") and self._namespace(_prefix(page)) == _FILES

    def _target(self, written: str) -> tuple[str, str]:
        page, has_section, _ = _plain(written).partition("#")
        page = page.strip(" _").removeprefix(":")
        if not page:
            return "", "section of the page itself" if has_section else "without a target"
        prefix = _prefix(page)
        if prefix and prefix in self._wiki.other_wikis:
            return "", "other wiki"
        namespace = self._namespace(prefix)
        if namespace != ARTICLES:
            return "", "file" if namespace == _FILES else "other namespace"
        title = self.title(page)
        return title, "" if title else "broken title"

    def _namespace(self, prefix: str) -> int:
        return self._wiki.namespaces.get(prefix, ARTICLES) if prefix else ARTICLES


class _Page:
    """A page while it is read: what is found on the way is counted here."""

    def __init__(self, reader: PageReader) -> None:
        self._reader = reader
        self.links: list[Anchor] = []
        self.left_out: Counter[str] = Counter()

    def without_verbatim(self, text: str) -> str:
        """The text without comments, and without the markup in what is shown as it stands."""
        if "<!--" in text:
            text = _COMMENT.sub(self._hidden, text)
        return _VERBATIM.sub(self._verbatim, text) if "<" in text else text

    def without_links(self, text: str) -> str:
        """The text with a gap for each link and captions for files; links in captions come before their files."""
        text = _LINK.sub(self._link, text)
        for _ in range(_MOST_LINKS_NESTED):
            if "[[" not in text:
                return text
            text, replaced = _LINK.subn(self._outer_link, text)
            if not replaced:
                break
        self._count_brackets("broken", text)
        return text

    def _hidden(self, match: re.Match[str]) -> str:
        self._count_brackets("comment", match.group())
        return ""

    def _verbatim(self, match: re.Match[str]) -> str:
        self._count_brackets("verbatim", match.group())
        is_shown = match.group(1).lower() == "nowiki" and match.group(2)
        return _MARKUP.sub(" ", match.group(2)) if is_shown else _GAP

    def _count_brackets(self, reason: str, text: str) -> None:
        if number := text.count("[["):
            self.left_out[reason] += number

    def _link(self, match: re.Match[str]) -> str:
        written, text, trail = match.groups()
        title, reason = self._reader.target(written)
        if title:
            text, rest = _shown(written, text, trail)
            if text:
                self.links.append(Anchor(text, title))
            else:
                self.left_out[UNFIT] += 1
            return _GAP + rest
        self.left_out[reason] += 1
        return (_caption(text) if reason == "file" and self._reader.is_file(written) else _GAP) + trail

    def _outer_link(self, match: re.Match[str]) -> str:
        """A link with links in it is none, but for a file with a caption."""
        if not self._reader.is_file(match.group(1)):
            return match.group()
        return self._link(match)


def _shown(written: str, text: str | None, trail: str) -> tuple[str, str]:
    """The text of a link with the letters that go on after it, and what of these stays outside."""
    if text is None:
        text = written.strip().removeprefix(":")
    elif not text:  # "[[Foo (bar)|]]": the wiki itself fills this in where a page is saved
        text = _IN_BRACKETS.sub("", written.rpartition(":")[2])
    rest = "" if not trail or trail.islower() else _from_capital(trail)
    return _inline(text + trail.removesuffix(rest)), rest


def _from_capital(trail: str) -> str:
    return trail[next((number for number, letter in enumerate(trail) if not letter.islower()), len(trail)) :]


def _inline(text: str) -> str:
    """What is shown of a text in which no links are."""
    if "{{" in text:
        text = _without_templates(text)
    if "<" in text:
        text = _TAG.sub("", text)
    if "''" in text:
        text = _QUOTES.sub("", text)
    return " ".join(_plain_entities(text).replace(_GAP, " ").replace("_", " ").split())


def _caption(text: str | None) -> str:
    """The last part that has several words; the others say how the file is shown."""
    if not text:
        return _GAP
    parts = (part for part in reversed(_without_templates(text).split("|")) if len(part.split()) > 1)
    return f"{_GAP}{next(parts, '')}{_GAP}"


def _stretches(text: str) -> list[str]:
    """The running text in pieces over whose ends no name goes: no templates, tables, references and addresses."""
    text = _without_templates(text)
    if "<" in text:
        text = _REFERENCE.sub(_GAP, text)
    if "{|" in text:
        text = _without_tables(text)
    if "//" in text or "mailto:" in text:
        text = _ADDRESS.sub(_GAP, text)
    if "<" in text:
        text = _TAG.sub(" ", text)
    text = _plain_entities(_QUOTES.sub("", text))
    return [stretch for stretch in text.replace(_GAP, "\n").split("\n") if stretch and not stretch.isspace()]


def _without_templates(text: str) -> str:
    for _ in range(_MOST_NESTED):
        text, replaced = _TEMPLATE.subn(_GAP, text)
        if not replaced:
            break
    return text


def _without_tables(text: str) -> str:
    depth = 0
    kept = []
    for line in text.split("\n"):
        match = _TABLE_LINE.match(line)
        if match:
            depth = depth + 1 if match.group(1) == "{|" else max(0, depth - 1)
        elif not depth:
            kept.append(line)
    return "\n".join(kept)


def _prefix(page: str) -> str:
    """What stands before the first colon, as namespaces are compared; "" for no colon."""
    return " ".join(page.partition(":")[0].replace("_", " ").split()).lower() if ":" in page else ""


def _plain(target: str) -> str:
    """A target with its characters as they are: no entities, no %C3%A9, no marks of direction."""
    target = _plain_entities(target)
    if "%" in target:
        target = _ESCAPED.sub(_unescaped, target)
    return target if target.isascii() else _MARKS.sub("", target)


def _unescaped(match: re.Match[str]) -> str:
    return bytes.fromhex(match.group().replace("%", "")).decode(errors="replace")


def _plain_entities(text: str) -> str:
    return unescape(text) if "&" in text else text
