"""Counts of what links say of names: `nedsvc index anchors`, the file that it writes, and the reader of it."""

import bz2
import gzip
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import marisa_trie
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wikidumps import make_wiki_dump, wiki_dump, wiki_page

from nedsvc.anchors import AnchorText, Header, read_anchors
from nedsvc.errors import BuildError, InvalidInput
from nedsvc.index.anchors import Progress, Sizes, count_anchors, longest_names
from nedsvc.index.redirects import redirects

PAGES = [
    wiki_page("Paris", "[[Paris]] is the capital of [[France]]. Paris has [[bus]]es. New York too.\nNew\nYork"),
    wiki_page("France", "{{box|city=[[paris]]|x=Paris}} In [[France]], [[Paris|the city]] of [[Paris, Texas|Paris]]."),
    wiki_page("Texas", "[[NYC|New York]] [[NYC]] [[Big Apple#x|New York]] [[New York City|New  York]] buses, Buses"),
    wiki_page("NYC", "#REDIRECT [[Big Apple]]", redirect="Big Apple"),
    wiki_page("Big Apple", "#REDIRECT [[New York City#Name]]", redirect="New York City"),
    wiki_page("Round", redirect="About"),
    wiki_page("About", redirect="Round"),
    wiki_page(
        "Loops", "[[Round|a loop]] [[round|a loop]] [[about|a loop]] [[Missing|a loop]] [[buses]] [[AT&amp;T|A]]"
    ),
    wiki_page("Talk", "Paris, [[Paris]]", namespace=1),
]


def count(folder: Path, pages: Iterable[str] = PAGES, *, min_count: int = 2) -> tuple[Header, dict[str, AnchorText]]:
    """What is counted in a dump of the pages."""
    out = folder / "out.gz"
    count_anchors(make_wiki_dump(folder, pages), out, min_count=min_count)
    header, texts = read_anchors(out)
    return header, {text.key: text for text in texts}


def test_links_are_counted_by_text_and_page(tmp_path: Path) -> None:
    header, texts = count(tmp_path, min_count=1)
    assert (header.wiki, header.pages, header.redirects, header.min_count) == ("testwiki", 4, 4, 1)
    assert texts["paris"].targets == (("Paris", 2), ("Paris, Texas", 1))
    assert texts["the city"].targets == (("Paris", 1),)
    assert texts["buses"].targets == (("Bus", 1), ("Buses", 1))
    assert list(texts) == sorted(texts)
    assert header.texts == len(texts)
    assert header.links == sum(text.linked for text in texts.values())


def test_redirects_are_followed_to_their_end(tmp_path: Path) -> None:
    """A circle leads nowhere: each of its pages stands for itself, as does a page that is not there."""
    _, texts = count(tmp_path)
    assert texts["new york"].targets == (("New York City", 3),)
    assert texts["a loop"].targets == (("Round", 2), ("About", 1), ("Missing", 1))


def test_texts_outside_of_links_are_counted(tmp_path: Path) -> None:
    """The longest text counts; none counts in templates, in links, over line ends, or in pages that are no articles."""
    _, texts = count(tmp_path, min_count=1)
    assert texts["paris"].unlinked == 1
    assert texts["new york"].unlinked == 1
    assert texts["buses"].unlinked == 2
    assert texts["nyc"].unlinked == 0


def test_texts_of_few_links_are_left_out(tmp_path: Path) -> None:
    header, texts = count(tmp_path, min_count=3)
    assert list(texts) == ["a loop", "new york", "paris"]
    assert header.rare + header.texts == count(tmp_path, min_count=1)[0].texts


@pytest.mark.parametrize("workers", [1, 2])
def test_the_same_dump_gives_the_same_bytes(tmp_path: Path, workers: int) -> None:
    """However it is packed, cut into pieces and merged, and whoever works."""
    many = [wiki_page(f"P{number}", f"[[P{number % 7}|x{number % 11}]] x{number} y\n" * 50) for number in range(400)]
    dump = make_wiki_dump(tmp_path, many)
    count_anchors(dump, tmp_path / "one.gz")
    small = Sizes(piece=10_000, merged=3, looked_up=2)
    for suffix, pack in ((".gz", gzip.compress), (".bz2", bz2.compress), (".xml", bytes)):
        packed = tmp_path / f"dump{suffix}"
        packed.write_bytes(pack(dump.read_bytes()))
        count_anchors(packed, tmp_path / "other.gz", workers=workers, sizes=small)
        assert (tmp_path / "other.gz").read_bytes() == (tmp_path / "one.gz").read_bytes()
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".bz2", ".gz", ".gz", ".gz", ".xml", ".xml"]


def test_progress_goes_through_the_stages(tmp_path: Path) -> None:
    small = Sizes(piece=500, merged=2)
    told: list[Progress] = []
    count_anchors(make_wiki_dump(tmp_path, PAGES * 3), tmp_path / "out.gz", sizes=small, report=told.append)
    assert list(dict.fromkeys(each.stage for each in told)) == ["reading", "merging", "looking up"]
    assert all(each.of is not None and 0 < each.done <= each.of for each in told)


def test_a_page_with_its_history_counts_as_it_is_now(tmp_path: Path) -> None:
    later = "\n<revision><text>[[New]] [[New]]</text></revision>"
    assert list(count(tmp_path, [wiki_page("A", "[[Old]] [[Old]]", extra=later)])[1]) == ["new"]


@given(pairs=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), unique_by=lambda pair: pair[0]))
def test_redirects_lead_where_steps_lead(pairs: list[tuple[int, int]]) -> None:
    following = dict(pairs)

    def stepping(title: int) -> int:
        end, seen = title, set[int]()
        while end in following and following[end] != end:
            if end in seen:
                return title
            seen.add(end)
            end = following[end]
        return end

    followed = redirects(lambda: ((str(title), str(target)) for title, target in pairs))
    assert all(followed.follow(str(title)) == str(stepping(title)) for title in range(14))


WORDS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4).map(" ".join)


@given(texts=st.lists(WORDS, unique=True), line=WORDS)
def test_the_longest_text_is_found_at_each_word(texts: list[str], line: str) -> None:
    words, expected, position = line.split(), [], 0
    while position < len(words):
        sizes = [size for size in range(4, 0, -1) if " ".join(words[position : position + size]) in texts]
        sizes = [size for size in sizes if position + size <= len(words)]
        expected += [" ".join(words[position : position + size]) for size in sizes[:1]]
        position += sizes[0] if sizes else 1
    assert longest_names(marisa_trie.Trie(texts), line) == expected


# What is wrong with a dump


@pytest.mark.parametrize(
    ("content", "error", "sentence"),
    [
        (b"", InvalidInput, "no XML dump of a wiki; give one of its pages"),
        (b'[\n{"id":"Q1"}\n]\n', InvalidInput, "no XML dump of a wiki"),
        (b"<mediawiki", InvalidInput, "holds no pages"),
        (wiki_dump([]), InvalidInput, "holds no pages"),
        (b"<html><mediawiki><page></page></mediawiki>", InvalidInput, "does not begin as an XML dump"),
        (b"<mediawiki><page></page></mediawiki>", InvalidInput, "does not say of which wiki it is"),
        (wiki_dump(PAGES)[:-30], BuildError, "is incomplete: it ends in the middle"),
        (wiki_dump(PAGES)[:-1500], BuildError, "is incomplete"),
        (
            wiki_dump(PAGES).replace(b"</ns>", b"</nx>"),
            BuildError,
            "near the page 'Paris' .mismatched tag.. Fetch it again",
        ),
        (wiki_dump([*PAGES, "<page><x></page>"]), BuildError, "is damaged near the page 'Talk'"),
        (gzip.compress(wiki_dump(PAGES))[:-200], BuildError, "cannot be read to its end"),
        (bz2.compress(wiki_dump(PAGES))[:-200], BuildError, "cannot be read to its end"),
    ],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_no_whole_dump_is_told(
    tmp_path: Path, content: bytes, error: type[Exception], sentence: str, workers: int
) -> None:
    (tmp_path / "dump").write_bytes(content)
    with pytest.raises(error, match=re.escape(str(tmp_path / "dump")) + " .*" + sentence):
        count_anchors(tmp_path / "dump", tmp_path / "out.gz", workers=workers)
    assert [path.name for path in tmp_path.iterdir()] == ["dump"]


def test_what_cannot_be_written_is_told_before_anything_is_read(tmp_path: Path) -> None:
    dump = make_wiki_dump(tmp_path, PAGES)
    with pytest.raises(InvalidInput, match="is a folder"):
        count_anchors(dump, tmp_path)
    with pytest.raises(BuildError, match="could not be written: No such file or directory"):
        count_anchors(dump, tmp_path / "nowhere" / "out.gz")
    with pytest.raises(InvalidInput, match="DUMP: there is no file"):
        count_anchors(tmp_path / "none.xml", tmp_path / "out.gz")
    with pytest.raises(InvalidInput, match="--min-count: must be 1 or more"):
        count_anchors(dump, tmp_path / "out.gz", min_count=0)


# The file


def written(header: object, lines: Iterable[str]) -> bytes:
    encoded = msgspec.json.encode(header) + b"\n"
    return gzip.compress(encoded + "".join(f"{line}\n" for line in lines).encode())


HEADER = {
    **{"format": 1, "wiki": "testwiki", "pages": 1, "redirects": 0, "links": 3, "left_out": {}, "min_count": 2},
    **{"texts": 1, "rare": 0},
}
WHOLE = written(HEADER, ["paris\t3\t1\tParis\t2\tParis, Texas\t1"])


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(WHOLE)
    header, texts = read_anchors(tmp_path / "file")
    assert msgspec.to_builtins(header) == HEADER
    assert list(texts) == [AnchorText("paris", 3, 1, (("Paris", 2), ("Paris, Texas", 1)))]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"paris\t3\t1\n", "is no gzip file of anchor texts"),
        (b"", "line 1 is no header"),
        (WHOLE[:-12], "cannot be read beyond line"),
        (WHOLE[:-8] + b"\0" * 8, "damaged after line 2"),
        (written({"format": 2}, []), "has format 2, and this version reads 1"),
        (written({"format": 1}, []), "line 1 is no header of anchor texts"),
        (written([], []), "line 1 is no header of anchor texts"),
        (written(HEADER, ["paris\t3"]), "line 2 is no anchor text"),
        (written(HEADER, ["paris\t3\t1\tParis"]), "line 2 is no anchor text .it wants"),
        (written(HEADER, ["paris\t3\t1\tParis\tx"]), "line 2 is no anchor text .'x' is no number"),
        (written(HEADER, ["paris\t-3\t1"]), "line 2 is no anchor text"),
        (written(HEADER, [f"paris\t{1 << 32}\t1"]), "line 2 .*4,294,967,296 is more than there can be"),
        (written(HEADER, ["paris\t3\t1\tParis\t1\tTexas\t2"]), "line 2 .*the largest number comes first"),
        (written(HEADER, ["paris\t1\t1\tParis\t2"]), "line 2 .*more links to pages than links"),
        (written(HEADER, ["paris\t1\t1", "bus\t1\t1"]), "line 3 is not in the order"),
        (written(HEADER, []), "holds 0 texts and tells of 1"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_line(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=re.escape(str(path)) + ": .*" + sentence):
        list(read_anchors(path)[1])


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="there is no such file"):
        read_anchors(tmp_path / "file")


# The command


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "nedsvc", "index", "anchors", *map(str, arguments)]


def run(*arguments: object, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command(*arguments), input=given, capture_output=True, check=False, timeout=60)


@pytest.mark.parametrize("pack", [bytes, bz2.compress, gzip.compress])
def test_the_command_reads_a_pipe_and_says_what_it_did(tmp_path: Path, pack: type[bytes]) -> None:
    done = run("-", "-o", tmp_path / "out.gz", "--workers", 2, given=pack(wiki_dump(PAGES)))
    assert (done.returncode, done.stdout) == (0, b"")
    said = done.stderr.decode()
    assert "texts of 17 links in 4 pages of testwiki" in said
    assert "left out: 3 links, page that is a redirect or no article" in said
    count_anchors(make_wiki_dump(tmp_path, PAGES), tmp_path / "other.gz")
    assert (tmp_path / "out.gz").read_bytes() == (tmp_path / "other.gz").read_bytes()


def test_the_command_refuses_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "dump").write_text("{}")
    refused = run(tmp_path / "dump", "-o", tmp_path / "out.gz")
    assert refused.returncode == 2
    assert refused.stderr.decode().count("\n") == 1
    assert "is no XML dump of a wiki" in refused.stderr.decode()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_that_is_stopped_leaves_nothing(tmp_path: Path, ending: signal.Signals, workers: int) -> None:
    dump = make_wiki_dump(tmp_path, PAGES * 7_000)
    before = time.monotonic()
    with subprocess.Popen(
        command(dump, "-o", tmp_path / "out.gz", "--workers", workers), stderr=subprocess.PIPE
    ) as process:
        while not list(tmp_path.glob("out.gz.tmp-*/links-*")):
            assert time.monotonic() - before < 30
            time.sleep(0.05)
        os.kill(process.pid, ending)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert b"interrupted; nothing half-written was left" in said
    assert [path.name for path in tmp_path.iterdir()] == ["wiki.xml"]


def test_a_worker_that_is_killed_is_told_of_and_leaves_nothing(tmp_path: Path) -> None:
    dump = make_wiki_dump(tmp_path, PAGES * 7_000)
    with subprocess.Popen(command(dump, "-o", tmp_path / "out.gz", "--workers", 2), stderr=subprocess.PIPE) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        before = time.monotonic()
        while not list(tmp_path.glob("out.gz.tmp-*/links-*")):
            assert time.monotonic() - before < 30
            time.sleep(0.05)
        os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert b"A worker was killed, perhaps for want of memory: nothing was written." in said
    assert [path.name for path in tmp_path.iterdir()] == ["wiki.xml"]


def test_progress_is_shown_on_a_terminal(tmp_path: Path) -> None:
    dump = make_wiki_dump(tmp_path, PAGES * 200)
    ours, theirs = pty.openpty()
    with subprocess.Popen(command(dump, "-o", tmp_path / "out.gz", "--workers", 1), stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while piece := _read(ours):
            shown += piece
        assert process.wait(30) == 0
    os.close(ours)
    assert b"reading" in shown or b"looking up" in shown
    assert b"%" in shown


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # the other end is closed
        return b""


# A real dump


def test_every_link_of_the_sample_is_accounted_for(shared: Path, tmp_path: Path) -> None:
    sample = shared / "wikipedia-sample" / "enwiki-pages-articles-shortened.xml.bz2"
    header = count_anchors(sample, tmp_path / "out.gz", min_count=1)
    xml = bz2.decompress(sample.read_bytes()).decode()
    of_editors = sum(comment.count("[[") for comment in re.findall(r"<comment>(.*?)</comment>", xml, re.DOTALL))
    assert xml.count("[[") == 32_641 == header.links + sum(header.left_out.values()) + of_editors
    assert (header.pages, header.redirects, header.links) == (106, 99, 30_155)
    texts = {text.key: text for text in read_anchors(tmp_path / "out.gz")[1]}
    assert header.links == sum(text.linked for text in texts.values())
    assert all(text.linked == sum(count for _, count in text.targets) for text in texts.values())


def test_redirects_of_the_sample_are_followed(shared: Path, tmp_path: Path) -> None:
    sample = shared / "wikipedia-sample" / "enwiki-pages-articles-shortened.xml.bz2"
    count_anchors(sample, tmp_path / "out.gz", min_count=1)
    titles = Counter[str]()
    for text in read_anchors(tmp_path / "out.gz")[1]:
        titles.update(dict(text.targets))
    xml = bz2.decompress(sample.read_bytes()).decode()
    moved = re.findall(r"<title>([^<]*)</title>\s*<ns>0</ns>\s*<id>\d*</id>\s*<redirect ", xml)
    assert len(moved) == 99
    assert not titles.keys() & set(moved)
