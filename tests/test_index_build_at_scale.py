"""What a build does on large dumps: several processes, parts that are worked on one by one, going on after a stop."""

import gzip
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from dumps import Json, claims, dump_bytes, dump_item, make_dump
from servers import wait_until

from nedsvc.cli_index import index
from nedsvc.errors import InvalidInput
from nedsvc.index.build import Beside, Effort, Progress, Report, build_index
from nedsvc.index.options import BuildOptions
from nedsvc.index.part import part_folder
from nedsvc.index.reader import Index

SMALL = Effort(block=2_000, rows=50, names=150)
WORDS = ("kyiv", "Lviv", "odesa", "Київ", "New York", "of the", "Ōsaka", "Bank", "united", "river")


def items(count: int) -> list[Json]:
    return [_item(number) for number in range(count, 0, -1)]


def _item(number: int) -> Json:
    first, second = WORDS[number % 10], WORDS[number * 7 // 10 % 10]
    return dump_item(
        f"Q{number}",
        f"{first} {second} {number % 4}",
        description=f"{second} of number {number % 5}",
        aliases=[f"{second} {number % 13}", first],
        claims=claims(P31=f"Q{1 + number % 6}", P17=f"Q{1 + number * 3 % 50}", P131=f"Q{1 + number * 11 % 90}"),
    )


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def said(index: Index) -> object:
    """What the index says of all its names, words and entities, without the numbers that it gives them."""
    rows = range(len(index))
    keys = sorted(index.names)
    words = sorted({word for key in keys for word in key.split()})
    return (
        [(index.entity(row), index.links(row).tolist(), index.words(row).tolist()) for row in rows],
        [(key, [column.tolist() for column in index.postings(key) or ()], index.shapes(key)) for key in keys],
        [(word, index.bearers(word).tolist(), sorted(index.longer_names(word, 1000))) for word in words],
        [(key, index.similar_names(f"x{key}", 5)) for key in keys],
        [index.bearers_of_initials(letters).tolist() for letters in ("ny", "nyb", "bb", "uo", "b")],
    )


def test_several_processes_write_the_same_bytes(tmp_path: Path) -> None:
    dump = make_dump(tmp_path, items(200))
    for workers in (1, 3):
        build_index([dump], tmp_path / str(workers), BuildOptions(), effort=Effort(workers, 2_000, 50, 150))
    assert content(tmp_path / "1") == content(tmp_path / "3")


def test_an_index_says_the_same_whatever_is_worked_on_at_once(tmp_path: Path) -> None:
    dump = make_dump(tmp_path, items(200))
    build_index([dump], tmp_path / "small", BuildOptions(), effort=SMALL)
    build_index([dump], tmp_path / "large", BuildOptions())
    assert len(list((tmp_path / "small").glob("names-*.marisa"))) > 2
    assert said(Index.open(tmp_path / "small")) == said(Index.open(tmp_path / "large"))


def test_all_languages_come_in_the_order_in_which_they_are_met(tmp_path: Path) -> None:
    languages = [f"{a}{b}" for a in "abcdef" for b in "xyz"]
    named = [
        dump_item(f"Q{number}", "a", labels={languages[number * 5 % 18]: f"name {number}"}) for number in range(1, 60)
    ]
    dump = make_dump(tmp_path, named)
    made = [
        build_index([dump], tmp_path / str(workers), BuildOptions(languages=("all",)), effort=Effort(workers, 500))
        for workers in (1, 3)
    ]
    assert made[0] == made[1]
    assert made[0].languages[:4] == ("en", "mul", languages[5], languages[10])


def test_an_interrupted_build_goes_on_where_it_stopped(tmp_path: Path) -> None:
    dump = make_dump(tmp_path, items(300), "dump.json")
    out = tmp_path / "index"
    seen: list[Progress] = []

    def stop(progress: Progress) -> None:
        if progress.lines > 200:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_index([dump], out, BuildOptions(), Report(progress=stop), SMALL)
    assert part_folder(out).is_dir()
    build_index([dump], out, BuildOptions(), Report(progress=seen.append), SMALL)
    assert seen[0].lines > 100
    assert not part_folder(out).exists()
    build_index([dump], tmp_path / "other", BuildOptions(), effort=SMALL)
    assert content(out) == content(tmp_path / "other")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_build_that_is_stopped_goes_on_by_the_same_command(tmp_path: Path, sent: signal.Signals) -> None:
    dump, out = tmp_path / "dump.json", tmp_path / "index"
    dump.write_bytes(dump_bytes(items(12_000)))
    command = [sys.executable, "-m", "nedsvc", "index", "build", str(dump), "-o", str(out), "--workers", "2"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        wait_until((part_folder(out) / "entities").is_dir, 60)
        process.send_signal(sent)
        message = process.stderr.read()
    if sent != signal.SIGKILL:
        assert process.returncode == 1
        assert message == (
            f"nedsvc: interrupted; what was done is kept in {out}.part: the same command goes on from there\n"
        )
    assert not out.exists()
    subprocess.run(command, check=True, capture_output=True)
    build_index([dump], tmp_path / "other", BuildOptions())
    assert content(out) == content(tmp_path / "other")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dump.json", "index", "other"]


def test_another_dump_begins_anew(tmp_path: Path) -> None:
    out = tmp_path / "index"

    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_index([make_dump(tmp_path, items(100), "a.json")], out, BuildOptions(), Report(progress=stop), SMALL)
    manifest = build_index([make_dump(tmp_path, items(30), "b.json")], out, BuildOptions())
    assert manifest.counts.entities == 30


def test_a_folder_of_something_else_is_not_taken(tmp_path: Path) -> None:
    dump = make_dump(tmp_path, items(3))
    part_folder(tmp_path / "index").mkdir()
    (part_folder(tmp_path / "index") / "mine.txt").write_text("x")
    with pytest.raises(InvalidInput, match="something else than a build"):
        build_index([dump], tmp_path / "index", BuildOptions())
    assert (part_folder(tmp_path / "index") / "mine.txt").exists()


def test_a_killed_worker_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    dump, out = tmp_path / "dump.json", tmp_path / "index"
    dump.write_bytes(dump_bytes(items(20_000)))
    command = [sys.executable, "-m", "nedsvc", "index", "build", str(dump), "-o", str(out), "--workers", "2"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        wait_until(lambda: len(children.read_text().split()) == 2, 60)
        os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
        message = process.stderr.read()
    assert process.returncode == 1
    assert "A worker was killed" in message
    assert "the same command goes on" in message
    subprocess.run(command, check=True, capture_output=True)
    assert len(Index.open(out)) == 20_000


def views_file(folder: Path, *lines: str) -> Path:
    path = folder / "qrank.csv.gz"
    path.write_bytes(gzip.compress("\n".join(("Entity,QRank", *lines)).encode()))
    return path


def test_page_views_say_who_is_well_known_where_they_say_more(tmp_path: Path) -> None:
    dump = make_dump(tmp_path, items(20))
    popularity = views_file(tmp_path, "Q7,5000000", "Q3,0", "Q4000000000,9")
    build_index([dump], tmp_path / "seen", BuildOptions(), beside=Beside(popularity=popularity))
    build_index([dump], tmp_path / "plain", BuildOptions())
    seen, plain = Index.open(tmp_path / "seen"), Index.open(tmp_path / "plain")
    gained = [int(seen.number(row)) for row in range(20) if seen.popularity(row) != plain.popularity(row)]
    assert gained == [7]
    assert seen.popularity_of(7) - plain.popularity_of(7) == pytest.approx(0.23, abs=0.02)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"Q7,5\n", "line 1: a file of QRank begins with Entity,QRank"),
        (b"Entity,QRank\nQ7,5\nQ8;5\n", "line 3: b'Q8;5.*' is not like Q42,12345"),
        (b"Entity,QRank\nQ7,-5\n", "line 2"),
        (gzip.compress(b"Entity,QRank\nQ7,5\n" * 999, mtime=0)[:-9], "cannot be read to its end"),
    ],
)
def test_a_file_that_is_not_of_qrank_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "qrank.csv"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=message) as caught:
        build_index([make_dump(tmp_path, items(3))], tmp_path / "out", BuildOptions(), beside=Beside(popularity=path))
    assert caught.value.field == "--popularity"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["dump.json.gz", "qrank.csv"]


@pytest.mark.parametrize("flag", ["--popularity", "--anchors"])
def test_files_beside_the_dump_are_looked_for_first(tmp_path: Path, flag: str) -> None:
    dump = make_dump(tmp_path, items(3))
    result = CliRunner().invoke(index, ["build", str(dump), "-o", str(tmp_path / "out"), flag, str(tmp_path / "none")])
    assert result.exit_code == 2
    assert f"{tmp_path / 'none'}" in result.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["dump.json.gz"]
