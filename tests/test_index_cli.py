"""The commands `nedsvc index build`, `info` and `verify`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from dumps import claims, dump_item, make_dump

from nedsvc.cli_index import index

ITEMS = [dump_item("Q1899", "Kyiv"), dump_item("Q1", "Georgia", claims=claims(P31="Q4167410"))]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(index, [str(argument) for argument in arguments])


@pytest.fixture
def built(tmp_path: Path) -> Path:
    assert run("build", make_dump(tmp_path, ITEMS), "-o", tmp_path / "index").exit_code == 0
    return tmp_path / "index"


def test_build_says_on_standard_error_what_was_kept_and_left_out(tmp_path: Path) -> None:
    result = run("build", make_dump(tmp_path, [*ITEMS, ITEMS[0], b"broken"]), "-o", tmp_path / "index")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "dump.json.gz, line 5: " in result.stderr
    assert "1 entities" in result.stderr
    assert "left out: 1 × disambiguation page" in result.stderr
    assert "left out: 1 × duplicate" in result.stderr
    assert "skipped: 1 broken lines" in result.stderr


def test_options_are_taken(tmp_path: Path) -> None:
    item = dump_item("Q64", "Berlin", labels={"de": "Berlin"}, claims=claims(P31="Q515"), sitelinks=["enwiki"])
    command = ["build", make_dump(tmp_path, [*ITEMS, item]), "-o", tmp_path / "index", "--languages", "de, en"]
    assert run(*command, "--classes", "Q515", "--min-sitelinks", 1, "--profile", "all", "--name", "x").exit_code == 0
    manifest = json.loads(run("info", tmp_path / "index", "--format", "json").stdout)
    assert manifest["counts"]["entities"] == 1
    assert manifest["languages"] == ["de", "en", "mul"]
    assert manifest["content_id"].startswith("x-")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", "nowhere.json", "-o", "x"], "DUMP: there is no file nowhere.json"),
        (["build", "-", "-o", "x", "--languages", "E N"], "--languages: 'E N' is no language code"),
        (["info", "nowhere"], "There is no index in nowhere"),
        (["verify", "nowhere"], "There is no index in nowhere"),
    ],
)
def test_wrong_input_is_one_sentence_and_exit_code_2(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"nedsvc: {message}")
    assert result.stderr.count("\n") == 1


def test_strict_ends_with_exit_code_2(tmp_path: Path) -> None:
    result = run("build", make_dump(tmp_path, [b"broken"]), "-o", tmp_path / "index", "--strict")
    assert result.exit_code == 2
    assert "line 2" in result.stderr


def test_a_cut_off_dump_ends_with_exit_code_1(tmp_path: Path) -> None:
    dump = make_dump(tmp_path, ITEMS)
    dump.write_bytes(dump.read_bytes()[:-20])
    result = run("build", dump, "-o", tmp_path / "index")
    assert result.exit_code == 1
    assert "cannot be read to its end" in result.stderr


def test_info_shows_a_table(built: Path) -> None:
    result = run("info", built)
    assert result.exit_code == 0
    for text in ("content id", "entities", "left out: disambiguation page", "option profile"):
        assert text in result.stdout


def test_verify_tells_whole_from_damaged(built: Path) -> None:
    result = run("verify", built)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "files are as they were written" in result.stderr
    (built / "records.bin").write_bytes(b"x" * (built / "records.bin").stat().st_size)
    result = run("verify", built)
    assert result.exit_code == 2
    assert "records.bin is damaged" in result.stderr
