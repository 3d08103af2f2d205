"""Building an index: what is kept, where it goes, and that it is whole or not there."""

import errno
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from dumps import Json, claims, dump_bytes, dump_item, make_dump, make_index

from nedsvc.errors import BuildError, InvalidInput
from nedsvc.index.build import Progress, Report, build_index
from nedsvc.index.files import built_aside
from nedsvc.index.options import BuildOptions
from nedsvc.index.reader import Index

ITEMS = [
    dump_item("Q5", "human", claims=claims(P279="Q215627")),
    dump_item("Q7747", "Vladimir Putin", claims=claims(P31="Q5"), sitelinks=["enwiki", "dewiki"]),
    dump_item("Q95", "Google", claims=claims(P31="Q4830453"), sitelinks=["enwiki"]),
    dump_item("Q4830453", "business", claims=claims(P279="Q43229")),
    dump_item("Q1000", "Georgia", claims=claims(P31="Q4167410")),
]


def labels(index: Index) -> set[str]:
    return {index.entity(row).label for row in range(len(index))}


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    dump = make_dump(tmp_path, ITEMS)
    for name in ("a", "b"):
        build_index([dump], tmp_path / name, BuildOptions())
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_the_content_id_names_the_content(tmp_path: Path) -> None:
    dump, other = make_dump(tmp_path, ITEMS), make_dump(tmp_path, ITEMS[:2], "other.json")
    first = build_index([dump], tmp_path / "index", BuildOptions(name="world")).content_id
    assert first.startswith("world-")
    assert build_index([other], tmp_path / "index", BuildOptions(name="world")).content_id != first


def test_the_order_of_lines_only_decides_which_of_two_namesakes_ids_counts(tmp_path: Path) -> None:
    forward = build_index([make_dump(tmp_path, ITEMS, "a.json")], tmp_path / "a", BuildOptions())
    build_index([make_dump(tmp_path, ITEMS[::-1], "b.json")], tmp_path / "b", BuildOptions())
    arrays = [name for name in forward.files if name.endswith(".npy") and not name.startswith("record")]
    assert arrays
    for name in arrays:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_news_profile_leaves_out_what_no_mention_means_and_says_so(tmp_path: Path) -> None:
    index = make_index(tmp_path, ITEMS)
    assert "Georgia" not in labels(index)
    assert index.manifest.counts.left_out == {"disambiguation page": 1}
    assert "Georgia" in labels(make_index(tmp_path, ITEMS, profile="all"))


def test_classes_keep_instances_also_of_subclasses(tmp_path: Path) -> None:
    index = make_index(tmp_path, ITEMS, classes=("Q43229",))
    assert labels(index) == {"Google"}
    assert index.manifest.counts.left_out["not an instance of the chosen classes"] == 3
    assert index.entity(0).label == "Google"


def test_items_with_few_sitelinks_can_be_left_out_and_their_classes_still_count(tmp_path: Path) -> None:
    index = make_index(tmp_path, ITEMS, min_sitelinks=1)
    assert labels(index) == {"Vladimir Putin", "Google"}
    assert {index.entity_types(row) for row in (0, 1)} == {frozenset({"ORG"}), frozenset({"PERSON"})}


@pytest.mark.parametrize(
    ("items", "reason"), [([], "is no dump"), ([b"no json"], "is no dump"), ([b"[]"], "is no dump")]
)
def test_input_that_is_no_dump_is_refused(tmp_path: Path, items: list[bytes], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        make_index(tmp_path, items)
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"languages": ()}, "--languages"),
        ({"languages": ("english!",)}, "--languages"),
        ({"languages": ("all", "en")}, "--languages"),
        ({"classes": ("human",)}, "--classes"),
        ({"profile": "sport"}, "--profile"),
        ({"min_sitelinks": -1}, "--min-sitelinks"),
        ({"name": "a\udcff"}, "--name"),
        ({"name": "a\nb"}, "--name"),
    ],
)
def test_options_that_cannot_be_are_refused_by_name(tmp_path: Path, options: Json, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        make_index(tmp_path, ITEMS, **options)
    assert caught.value.field == field
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize("dumps", [[], [Path("nowhere.json")], [Path()]])
def test_a_missing_dump_is_refused(tmp_path: Path, dumps: list[Path]) -> None:
    with pytest.raises(InvalidInput, match="DUMP"):
        build_index(dumps, tmp_path / "index", BuildOptions())


def test_an_index_is_replaced_only_after_success(tmp_path: Path) -> None:
    make_index(tmp_path, ITEMS)
    before = files(tmp_path / "index")
    with pytest.raises(InvalidInput):
        make_index(tmp_path, [b"broken"], strict=True)
    assert files(tmp_path / "index") == before
    assert len(make_index(tmp_path, ITEMS[:1])) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dump.json.gz", "index"]


def test_an_empty_folder_is_taken_and_missing_parents_are_made(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    dump = make_dump(tmp_path, ITEMS)
    for out in (tmp_path / "empty", tmp_path / "a" / "b"):
        build_index([dump], out, BuildOptions())
        assert (out / "manifest.json").is_file()


def test_a_folder_or_file_that_is_no_index_is_refused(tmp_path: Path) -> None:
    dump = make_dump(tmp_path, ITEMS)
    with pytest.raises(InvalidInput, match="other than an index"):
        build_index([dump], tmp_path, BuildOptions())
    with pytest.raises(InvalidInput, match="no folder"):
        build_index([dump], dump, BuildOptions())
    assert [path.name for path in tmp_path.iterdir()] == ["dump.json.gz"]


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="could not be written: No space left on device"):
        _fill_the_disk(tmp_path / "index")
    assert list(tmp_path.iterdir()) == []


def _fill_the_disk(out: Path) -> None:
    with built_aside(out) as folder:
        (folder / "part").write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")


def _nedsvc(*arguments: object, largest_file: int | None = None) -> list[str]:
    """The command line of a process whose files may grow only so far."""
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({largest_file}, {resource.RLIM_INFINITY})); "
    code = f"{limit if largest_file else ''}from nedsvc.cli_index import index; index()"
    return [sys.executable, "-c", code, *map(str, arguments)]


def test_what_the_system_refuses_to_write_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    items = [dump_item(f"Q{number}", f"name {number}") for number in range(1, 3000)]
    dump = make_dump(tmp_path, items)
    command = _nedsvc("build", dump, "-o", tmp_path / "index", largest_file=20_000)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "could not be written: File too large" in done.stderr) == (1, True), done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["dump.json.gz"]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_termination_leave_nothing(tmp_path: Path, sent: signal.Signals) -> None:
    command = _nedsvc("build", "-", "-o", tmp_path / "index")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(dump_bytes(ITEMS).decode())
        process.stdin.flush()
        _wait_for(lambda: any(tmp_path.iterdir()))
        process.send_signal(sent)
        message = process.stderr.read()
    assert (process.returncode, message) == (1, "nedsvc: interrupted; nothing half-written was left\n")
    assert list(tmp_path.iterdir()) == []


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_progress_counts_bytes_and_lines_over_all_dumps(tmp_path: Path) -> None:
    seen: list[Progress] = []
    dumps = [make_dump(tmp_path, ITEMS, name) for name in ("a.json", "b.json.gz")]
    build_index(dumps, tmp_path / "index", BuildOptions(), Report(progress=seen.append))
    assert seen[-1] == Progress(sum(dump.stat().st_size for dump in dumps), 2 * len(ITEMS), finished=True)
    assert [progress.position for progress in seen] == sorted(progress.position for progress in seen)
