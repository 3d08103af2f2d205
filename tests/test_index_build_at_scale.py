"""What a build does on large dumps: several processes, parts that are worked on one by one, going on after a stop."""

import errno
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner
from dumps import Json, claims, dump_bytes, dump_item, make_dump
from servers import wait_until

from nedsvc.cli_index import index
from nedsvc.errors import BuildError, InvalidInput
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


@pytest.mark.parametrize("left", ["plan.new", "plan.over"])
def test_a_build_that_was_killed_before_or_after_its_work_begins_anew(tmp_path: Path, left: str) -> None:
    dump, part = make_dump(tmp_path, items(30)), part_folder(tmp_path / "index")
    part.mkdir()
    (part / left).write_text("{")
    if left == "plan.over":
        (part / "entities").mkdir()
    assert build_index([dump], tmp_path / "index", BuildOptions()).counts.entities == 30
    assert not part.exists()


def test_what_is_removed_at_last_is_no_build_to_go_on_with_after_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dump, out = make_dump(tmp_path, items(30)), tmp_path / "index"
    with monkeypatch.context() as patched:
        patched.setattr("nedsvc.index.part.shutil.rmtree", _killed)
        with pytest.raises(SystemExit):
            build_index([dump], out, BuildOptions())
    assert part_folder(out).is_dir()
    build_index([dump], out, BuildOptions())
    assert not part_folder(out).exists()


def _killed(*_: object) -> None:
    raise SystemExit


@pytest.mark.parametrize("replaced", [True, False])
def test_an_index_that_was_moved_away_when_a_build_was_killed_is_not_lost(tmp_path: Path, replaced: bool) -> None:
    out, part = tmp_path / "index", part_folder(tmp_path / "index")
    build_index([make_dump(tmp_path, items(30), "a.json")], out, BuildOptions())
    part.mkdir()
    (part / "plan.json").write_text("{}")
    (shutil.copytree if replaced else shutil.move)(out, part / "index.old")
    with pytest.raises(InvalidInput, match="is no dump"):
        build_index([make_dump(tmp_path, [b"x"], "b.json")], out, BuildOptions())
    assert len(Index.open(out)) == 30
    assert not part.exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_build_knows_nothing_of_an_earlier_one_in_the_same_process(tmp_path: Path, workers: int) -> None:
    options, effort = BuildOptions(languages=("all",)), Effort(workers)
    first = dump_item("Q1", "one", labels={"de": "eins"}, modified="2030-01-01T00:00:00Z")
    build_index([make_dump(tmp_path, [first], "a.json")], tmp_path / "a", options, effort=Effort())
    second = make_dump(tmp_path, [dump_item("Q2", "two", modified="2020-01-01T00:00:00Z")], "b.json")
    manifest = build_index([second], tmp_path / "b", options, effort=effort)
    assert (manifest.dump_date, manifest.languages) == ("2020-01-01T00:00:00Z", ("en", "mul"))


def test_builds_in_threads_do_not_mix(tmp_path: Path) -> None:
    dumps = [make_dump(tmp_path, items(300)[first::3], f"{first}.json") for first in range(3)]
    with ThreadPoolExecutor(3) as pool:
        made = pool.map(
            lambda dump: build_index([dump], dump.with_suffix(""), BuildOptions(), effort=Effort(1, 500)), dumps
        )
        assert [manifest.counts.entities for manifest in made] == [100, 100, 100]


def test_another_size_of_what_is_worked_on_at_once_begins_anew(tmp_path: Path) -> None:
    dump, out = make_dump(tmp_path, items(300), "dump.json"), tmp_path / "index"

    def stop(progress: Progress) -> None:
        if progress.lines > 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_index([dump], out, BuildOptions(), Report(progress=stop), SMALL)
    assert build_index([dump], out, BuildOptions()).counts.lines == 300


def test_a_dump_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    dump = make_dump(tmp_path, items(300), "dump.json")

    def change(progress: Progress) -> None:
        if progress.lines < 100:
            dump.write_bytes(dump.read_bytes() + b" ")

    with pytest.raises(BuildError, match="changed while it was read"):
        build_index([dump], tmp_path / "index", BuildOptions(), Report(progress=change), SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["dump.json"]


def test_a_file_of_one_endless_line_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nedsvc.index.build.dump.LONGEST_LINE", 10_000)
    (tmp_path / "dump.json").write_bytes(json.dumps(items(300)).encode())
    with pytest.raises(InvalidInput, match="a line for each entity"):
        build_index([tmp_path / "dump.json"], tmp_path / "index", BuildOptions(), effort=SMALL)


def test_a_dump_may_have_a_path_that_is_no_utf_8_and_an_index_may_not(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    folder.mkdir()
    dump = make_dump(folder, items(3))
    assert build_index([dump], tmp_path / "index", BuildOptions()).counts.entities == 3
    with pytest.raises(InvalidInput, match="no text in UTF-8; choose another place"):
        build_index([dump], folder / "index", BuildOptions())


def test_where_a_disk_is_mounted_no_index_can_be_put(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="mounted, which cannot be replaced"):
        build_index([make_dump(tmp_path, items(3))], Path("/dev/shm"), BuildOptions())


def test_a_full_disk_is_told_of_before_it_is_written_to_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(BuildError, match="No space left"):
        build_index([make_dump(tmp_path, items(3), "dump.json")], tmp_path / "index", BuildOptions())
    assert [path.name for path in tmp_path.iterdir()] == ["dump.json"]


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
        (b"Entity,QRank\nxQ7,5\n", "line 2"),
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
