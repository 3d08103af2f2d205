"""Fixtures that several tests share."""

from pathlib import Path

import pytest

from nedsvc import EntityLinker
from nedsvc.starter import starter_index


@pytest.fixture(scope="session")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the starter index."""
    return starter_index(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def gazetteer(starter: Path) -> EntityLinker:
    """A linker over the starter index that needs no model."""
    return EntityLinker.from_index(starter, detector="gazetteer")


@pytest.fixture(scope="session")
def both(starter: Path) -> EntityLinker:
    """A linker over the starter index with the default detector."""
    return EntityLinker.from_index(starter)
