"""Wikitext: which links a page has, what their texts are, and what its running text is."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nedsvc import tables
from nedsvc.wikitext import Anchor, PageReader, Parsed, site

NAMESPACES = {"Talk": 1, "Wikipedia": 4, "File": 6, "Category": 14, "Portal": 100}
WIKI = site("testwiki", "first-letter", NAMESPACES, tables.other_wikis())


def read(wikitext: str) -> Parsed:
    return PageReader(WIKI).read(wikitext)


@pytest.mark.parametrize(
    ("wikitext", "text", "title"),
    [
        ("[[Paris]]", "Paris", "Paris"),
        ("[[Paris|the capital]]", "the capital", "Paris"),
        ("[[paris]]", "paris", "Paris"),
        ("[[élan]]", "élan", "Élan"),
        ("[[ßtraße]]", "ßtraße", "ßtraße"),
        ("[[New_York_ City]]", "New York City", "New York City"),
        ("[[ Paris ]]", "Paris", "Paris"),
        ("[[Paris#History|its past]]", "its past", "Paris"),
        ("[[Paris#History]]", "Paris#History", "Paris"),
        ("[[bus]]es", "buses", "Bus"),
        ("[[Bus|car]]s", "cars", "Bus"),
        ("[[bus]]X", "bus", "Bus"),
        ("[[bus]]esX", "buses", "Bus"),
        ("[[Haus|Häus]]er,", "Häuser", "Haus"),
        ("[[Foo (bar)|]]", "Foo", "Foo (bar)"),
        ("[[Paris, Texas|]]", "Paris", "Paris, Texas"),
        ("[[Paris|''the'' '''capital''']]", "the capital", "Paris"),
        ("''[[Paris]]''", "Paris", "Paris"),
        ("[[AT&amp;T]]", "AT&T", "AT&T"),
        ("[[AT&T|AT&amp;T]]", "AT&T", "AT&T"),
        ("[[New&nbsp;York]]", "New York", "New York"),
        ("[[Paris|the&nbsp;capital]]", "the capital", "Paris"),
        ("[[Caf%C3%A9|x y]]", "x y", "Café"),
        ("[[Paris|the<br/>capital <small>now</small>]]", "thecapital now", "Paris"),
        ("[[Paris|{{nowrap|x}} capital]]", "capital", "Paris"),
        ("[[Paris|[the] capital]]", "[the] capital", "Paris"),
        ("[[:Paris]]", "Paris", "Paris"),
        ("[[2001: A Space Odyssey]]", "2001: A Space Odyssey", "2001: A Space Odyssey"),
        ("[[Star Trek: Picard|x]]", "x", "Star Trek: Picard"),
        ("[[Paris|a\nb]]", "a b", "Paris"),
        ("[[Paris|a|b]]", "a|b", "Paris"),
        ("{{box|name=[[Paris]]|x}}", "Paris", "Paris"),
        ("<ref name=x>see [[Paris]]</ref>", "Paris", "Paris"),
        ("{|\n| [[Paris]]\n|}", "Paris", "Paris"),
        ("[[File:a.jpg|thumb|the [[Paris|capital]] here]]", "capital", "Paris"),
        ("[[Image:a.jpg|the [[Paris|capital]] here]]", "capital", "Paris"),
        ("[[東京]]です", "東京", "東京"),
        ("[[broken [[Paris]]", "Paris", "Paris"),
        ("[[Paris]]]]", "Paris", "Paris"),
        ("<nowiki>[[no]]</nowiki>[[Paris]]", "Paris", "Paris"),
    ],
)
def test_a_link_is_a_text_and_a_title(wikitext: str, text: str, title: str) -> None:
    assert read(wikitext).links == [Anchor(text, title)]


@pytest.mark.parametrize(
    ("wikitext", "reason"),
    [
        ("[[Category:Cities|Paris]]", "other namespace"),
        ("[[:Category:Cities]]", "other namespace"),
        ("[[category: cities]]", "other namespace"),
        ("[[Talk:Paris]]", "other namespace"),
        ("[[User talk:Someone|x]]", "other namespace"),
        ("[[portal:Paris|x]]", "other namespace"),
        ("[[File:a.jpg]]", "file"),
        ("[[:File:a.jpg|x]]", "file"),
        ("[[Bild:a.jpg|mini|ein Bild]]", "file"),
        ("[[de:Paris]]", "other wiki"),
        ("[[:fr:Paris|x]]", "other wiki"),
        ("[[wikt:paris|paris]]", "other wiki"),
        ("[[:S:Paris|x]]", "other wiki"),
        ("[[#History|below]]", "section of the page itself"),
        ("[[|x]]", "without a target"),
        ("[[ ]]", "without a target"),
        ("[[Paris|{{flag}}]]", "text without words, or too long"),
        ("[[Paris&#124;x]]", "broken title"),
        ("[[" + "x" * 256 + "]]", "broken title"),
        ("[[%FF%FE]]", "broken title"),
        ("[[Paris", "broken"),
        ("[[{{PAGENAME}}|x]]", "broken"),
        ("[[a\nb]]", "broken"),
        ("<!-- [[Paris]] -->", "comment"),
        ("<!-- [[Paris]]", "comment"),
        ("<nowiki>[[Paris]]</nowiki>", "verbatim"),
        ("<math>[[a]]</math>", "verbatim"),
        ("<source lang=x>[[a]]</source>", "verbatim"),
    ],
)
def test_a_link_that_does_not_count_has_a_reason(wikitext: str, reason: str) -> None:
    parsed = read(wikitext)
    assert (parsed.links, parsed.left_out) == ([], {reason: 1})


@pytest.mark.parametrize(
    ("wikitext", "stretches"),
    [
        ("Paris is '''big'''.", ["Paris is big."]),
        ("The [[city]] of light", ["The ", " of light"]),
        ("One\nTwo\n\nThree", ["One", "Two", "Three"]),
        ("A {{t|x={{u|v}}|[[w]]}} b", ["A ", " b"]),
        ("A {x} b", ["A {x} b"]),
        ("A<ref name=a/> b<ref>see c</ref> d", ["A", " b", " d"]),
        ("A <!-- no --> b", ["A  b"]),
        ("A &amp; b&nbsp;c &lt;ref&gt; d", ["A & b\xa0c <ref> d"]),
        ("A [http://x.org site] b https://y.org c", ["A ", " b ", " c"]),
        ("A<br />b <span class='x'>c</span>", ["A b  c "]),
        ("{|\n! head\n| cell\n{| class=x\n| inner\n|}\n|}\nafter", ["after"]),
        ("{|\n| open", []),
        ("<math>x</math> y", [" y"]),
        ("<nowiki>[[a]] ''b''</nowiki>", ["  a     b  "]),
        ("[[File:a.jpg|thumb|200px|View of [[Paris]] by night]]", ["View of ", " by night"]),
        ("[[File:a.jpg|thumb|left]] x", [" x"]),
        ("[[Category:Cities]]\n", []),
        ("[[bus]]X y", ["X y"]),
        ("{{open x", ["{{open x"]),
    ],
)
def test_running_text_is_what_is_outside_of_links_and_templates(wikitext: str, stretches: list[str]) -> None:
    assert read(wikitext).stretches == stretches


def test_namespaces_are_those_of_the_wiki() -> None:
    german = site("dewiki", "first-letter", {"Datei": 6, "Kategorie": 14}, frozenset({"en"}))
    parsed = PageReader(german).read("[[Datei:a.jpg|mini|ein [[Haus]] hier]] [[Kategorie:X]] [[Category:Y]] [[de:Z]]")
    assert parsed.links == [Anchor("Haus", "Haus"), Anchor("de:Z", "De:Z")]
    assert parsed.left_out == {"file": 1, "other namespace": 2}


def test_a_wiki_may_keep_the_case_of_first_letters() -> None:
    dictionary = site("enwiktionary", "case-sensitive", {}, frozenset())
    assert PageReader(dictionary).read("[[paris]]").links == [Anchor("paris", "paris")]


MARKUP = "[[ ]] | {{ }} {| |} <ref> </ref> <ref/> <!-- --> <nowiki> ''' [ ] File: Category: : # &amp; &#x5b; %C3 <br>"
PIECES = st.sampled_from([*MARKUP.split(), *["http://", "a", "É", "_", "東", "\x01", "de:"], " ", "\n"]) | st.text(
    max_size=3
)


@given(st.lists(PIECES, max_size=60).map("".join))
def test_nothing_breaks_it_and_every_bracket_is_accounted_for(wikitext: str) -> None:
    parsed = read(wikitext)
    assert len(parsed.links) + parsed.left_out.total() >= wikitext.count("[[")
    assert all(anchor.text and anchor.title for anchor in parsed.links)


OPENED = "[[ [[a| {{ {{a| <ref> <!-- <nowiki> <math '' {| [http: [[File:a| < <a [ &amp <nowiki></nowiki >"
REPEATED = [piece * 50_000 for piece in OPENED.split(" ")]
NESTED = ["{{a|" * 50_000 + "}}" * 50_000, "[[File:a|" * 50_000 + "]]" * 50_000]


@pytest.mark.parametrize("wikitext", REPEATED + NESTED)
def test_broken_pages_take_no_longer_than_others(wikitext: str) -> None:
    begun = time.process_time()
    read(wikitext)
    assert time.process_time() - begun < 2
