"""The documentation tells the truth: its commands print what it shows, its tables are complete."""

import doctest
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from test_layers import LAYERS

from nedsvc.features import FEATURES
from nedsvc.settings import SETTINGS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
TRIED = [ROOT / "README.md", *(ROOT / "docs" / name for name in ("bulk.md", "own-entities.md"))]
DESIGN = (ROOT / "docs" / "design.md").read_text()


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """The commands in the console blocks, each with the lines that are shown under it."""
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *output = part.rstrip("\n").split("\n")
            yield command.replace("make demo", "nedsvc annotate examples/article.txt"), output


def pattern(lines: list[str]) -> str:
    """A pattern of the output: an ellipsis stands for anything, by itself for any lines."""
    shown = "\n".join(lines)
    return re.sub("…", "(?s:.*)", re.escape(shown).replace("\\…", "…"))


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the commands name."""
    folder = tmp_path_factory.mktemp("clone")
    shutil.copytree(ROOT / "examples", folder / "examples")
    shutil.copytree(ROOT / "tests" / "data", folder / "tests" / "data")
    return folder


@pytest.fixture
def environment(starter: Path) -> dict[str, str]:
    """The environment of a user who has the package installed."""
    return {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "NEDSVC_CACHE": str(starter.parent),
    }


@pytest.fixture
def address(environment: dict[str, str]) -> Iterator[str]:
    """The address of a running service."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
        ["nedsvc", "serve", "--port", str(port)], env=environment, stderr=subprocess.DEVNULL
    ) as server:
        try:
            wait_for(port)
            yield f"localhost:{port}"
        finally:
            server.terminate()


def wait_for(port: int) -> None:
    """Returns when something listens on the port; fails after half a minute."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise AssertionError("the service did not start")


@pytest.mark.parametrize("page", TRIED, ids=lambda page: page.name)
def test_the_commands_of_a_page_print_what_it_shows(
    page: Path, clone: Path, environment: dict[str, str], address: str
) -> None:
    for command, output in commands(page.read_text()):
        done = subprocess.run(
            command.replace("localhost:8000", address),
            shell=True,
            cwd=clone,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        assert re.match(pattern(output), done.stdout), f"{command}\n{done.stdout}"


@pytest.mark.parametrize("page", TRIED, ids=lambda page: page.name)
def test_the_python_examples_of_a_page_run(page: Path, starter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEDSVC_CACHE", str(starter.parent))
    monkeypatch.chdir(ROOT)
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert tried > 3
    assert not failed


def test_what_it_is_and_how_to_run_it_stand_in_the_first_lines_of_the_readme() -> None:
    beginning = "\n".join(README.splitlines()[:30])
    assert all(part in beginning for part in ("make demo", "make test", "Q7821917", "NIL"))


def test_every_setting_is_in_the_readme_with_its_default() -> None:
    for setting in SETTINGS:
        (row,) = (line for line in README.splitlines() if line.startswith(f"| `{setting.name}`"))
        assert setting.help in row
        assert setting.default in row.replace("`", "")


def test_the_table_of_features_is_that_of_their_docstrings() -> None:
    for feature in FEATURES:
        (first, *_) = (feature.function.__doc__ or "").splitlines()
        assert f"| `{feature.name}` | {first} |" in DESIGN


@pytest.mark.parametrize("page", sorted([ROOT / "README.md", *ROOT.glob("docs/*.md")]), ids=lambda page: page.name)
def test_links_between_the_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert all((page.parent / target).exists() for target in targets), targets


def test_the_table_of_layers_names_what_the_layers_test_enforces() -> None:
    rows = re.findall(r"^\| (\d) \| (.+) \|$", DESIGN, re.MULTILINE)
    named = [set(re.findall(r"`([\w/]+)`?", text)) for _, text in rows]
    for number, layer in enumerate(LAYERS):
        modules = {module.removesuffix(".*").replace(".", "/") for module in layer if module}
        folders = {module.partition("/")[0] for module in named[number]}
        assert {module.partition("/")[0] for module in modules} <= folders | {"detect", "web"}, number


def test_every_table_of_the_package_is_explained() -> None:
    for file in (ROOT / "nedsvc" / "data").iterdir():
        assert f"| `{file.name}` |" in DESIGN


def test_every_library_is_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for requirement in project["dependencies"]:
        name = re.split(r"[>=\[]", requirement)[0]
        assert f"`{name}`" in DESIGN
