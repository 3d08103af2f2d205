"""A pytest plugin: the tests that need what is not in every place where tests run.

`shared`: the shared material (benchmarks, dump sample, seed article). The environment variable NEDSVC_SHARED names its
folder; where it is set these tests run, and fail if a file is missing.
`history`: a clone of the repository, and git to read its history.
`java`: Java 17 or newer, for Spark.

Where it is missing those tests are deselected and the summary says so. A test asks for it with the fixture of this
name, or with the marker if it needs no folder.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

VARIABLE = "NEDSVC_SHARED"
ROOT = Path(__file__).parents[1]


class Need(NamedTuple):
    """What tests may need: what it is, why it is missing where it is, and whether it is there."""

    what: str
    missing: str
    is_there: Callable[[], bool]


NEEDS = {
    "shared": Need("the shared material", f"{VARIABLE} is not set", lambda: bool(os.environ.get(VARIABLE))),
    "history": Need(
        "the history of the repository",
        "git or the clone is missing",
        lambda: bool(shutil.which("git")) and (ROOT / ".git").exists(),
    ),
    "java": Need("Java", "java is not on the PATH", lambda: bool(shutil.which("java"))),
}
_COUNTS = pytest.StashKey[dict[str, int]]()
_WORKERS_COUNTS = "deselected_by_need"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of the shared material."""
    folder = Path(os.environ[VARIABLE]).resolve()
    assert folder.is_dir(), f"{VARIABLE} names {folder}, which is no folder"
    return folder


@pytest.fixture(scope="session")
def history() -> Path:
    """The folder of the clone."""
    return ROOT


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers."""
    for name, need in NEEDS.items():
        config.addinivalue_line("markers", f"{name}: needs {need.what} (deselected where {need.missing})")
    config.stash[_COUNTS] = {}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that use the fixtures, and deselect the marked ones whose need is missing."""
    for name, need in NEEDS.items():
        for item in items:
            if name in getattr(item, "fixturenames", ()):
                item.add_marker(name)
        marked = [] if need.is_there() else [item for item in items if item.get_closest_marker(name)]
        if marked:
            config.stash[_COUNTS][name] = len(marked)
            config.hook.pytest_deselected(items=marked)
            gone = set(marked)
            items[:] = [item for item in items if item not in gone]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a worker of pytest-xdist: hand the counts to the main process, which collects nothing itself."""
    output: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_WORKERS_COUNTS] = session.config.stash[_COUNTS]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take a worker's counts; each worker collects all tests, so those of one are as good as another's."""
    node.config.stash[_COUNTS] = getattr(node, "workeroutput", {}).get(_WORKERS_COUNTS, node.config.stash[_COUNTS])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was left out."""
    for name, count in config.stash[_COUNTS].items():
        need = NEEDS[name]
        terminalreporter.write_line(
            f"{need.missing}: the tests that need {need.what} were deselected ({count})", yellow=True
        )
