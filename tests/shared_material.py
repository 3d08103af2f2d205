"""A pytest plugin: the tests that read the shared material (benchmarks, dump sample, seed article).

The environment variable NEDSVC_SHARED names its folder. Where it is unset those tests are deselected and the
summary says so; where it is set they run, and fail if a file is missing. A test asks for it with the fixture
`shared`, or with the marker `shared` if it reads the folder by itself.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

VARIABLE = "NEDSVC_SHARED"
_COUNT = pytest.StashKey[int]()
_WORKERS_COUNT = "shared_deselected"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of the shared material."""
    folder = Path(os.environ[VARIABLE]).resolve()
    assert folder.is_dir(), f"{VARIABLE} names {folder}, which is no folder"
    return folder


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", f"shared: reads the shared material (deselected where {VARIABLE} is unset)")
    config.stash[_COUNT] = 0


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that use the fixture, and deselect all marked ones where the variable is unset."""
    for item in items:
        if "shared" in getattr(item, "fixturenames", ()):
            item.add_marker("shared")
    if os.environ.get(VARIABLE):
        return
    marked = [item for item in items if item.get_closest_marker("shared")]
    if marked:
        config.stash[_COUNT] = len(marked)
        config.hook.pytest_deselected(items=marked)
        items[:] = _without(items, marked)


def _without(items: Sequence[pytest.Item], marked: Sequence[pytest.Item]) -> list[pytest.Item]:
    gone = set(marked)
    return [item for item in items if item not in gone]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a worker of pytest-xdist: hand the count to the main process, which collects nothing itself."""
    output: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_WORKERS_COUNT] = session.config.stash[_COUNT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take a worker's count; each worker collects all tests, so one count is as good as another."""
    node.config.stash[_COUNT] = getattr(node, "workeroutput", {}).get(_WORKERS_COUNT, node.config.stash[_COUNT])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was left out."""
    count = config.stash[_COUNT]
    if count:
        terminalreporter.write_line(
            f"{VARIABLE} is not set: the tests that need the shared material were deselected ({count})",
            yellow=True,
        )
