"""The starter index: built once, kept, and never in the way of another process."""

import subprocess
import sys
import time
from pathlib import Path

from dumps import bearers_of, row_of

from nedsvc.index.reader import Index
from nedsvc.starter import starter_index

PRINT_FOLDER = """
import sys
from pathlib import Path
from nedsvc.starter import starter_index
print(starter_index(Path(sys.argv[1])))
"""


def test_it_is_built_on_first_use_in_under_two_seconds_and_then_kept(tmp_path: Path) -> None:
    start = time.perf_counter()
    first = starter_index(tmp_path)
    assert time.perf_counter() - start < 2
    written = (first / "manifest.json").stat().st_mtime_ns
    assert starter_index(tmp_path) == first
    assert (first / "manifest.json").stat().st_mtime_ns == written


def test_it_knows_names_in_several_languages_types_and_offices(starter: Path) -> None:
    index = Index.open(starter)
    for key in ("kyiv", "kiev", "kiew", "киів"):
        assert bearers_of(index, key)[0] == "Q1899"
    entity = index.entity(row_of(index, "Q7821917"))
    assert (entity.label, entity.types) == ("Antony Blinken", ("PERSON",))
    assert [office.id for office in entity.offices] == ["Q14213"]
    assert index.manifest.content_id.startswith("starter-")


def test_a_damaged_copy_is_built_again(tmp_path: Path) -> None:
    folder = starter_index(tmp_path)
    (folder / "numbers.npy").unlink()
    Index.open(starter_index(tmp_path))


def test_several_processes_at_once_all_get_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PRINT_FOLDER, str(tmp_path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    folders = {process.communicate()[0].strip() for process in processes}
    assert folders == {str(starter_index(tmp_path))}
    assert [path.name for path in tmp_path.iterdir()] == [starter_index(tmp_path).name]


def test_where_the_cache_cannot_be_written_it_lasts_as_long_as_the_process(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    done = subprocess.run(
        [sys.executable, "-c", PRINT_FOLDER, str(blocked)],
        capture_output=True,
        text=True,
        check=True,
        env={"TMPDIR": str(tmp_path)},
    )
    assert Path(done.stdout.strip()).is_relative_to(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
