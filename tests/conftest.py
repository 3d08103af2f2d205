"""Fixtures that several tests share."""

from pathlib import Path

import pytest
from servers import own_redis, redis_server, shared_redis  # noqa: F401 (fixtures)

from nedsvc import EntityLinker
from nedsvc.index.build import build_index
from nedsvc.index.options import BuildOptions
from nedsvc.index.reader import Index
from nedsvc.starter import starter_index


@pytest.fixture(scope="session")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the starter index."""
    return starter_index(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def gazetteer_linker(starter: Path) -> EntityLinker:
    """A linker over the starter index that needs no model."""
    return EntityLinker.from_index(starter, detector="gazetteer")


@pytest.fixture(scope="session")
def default_linker(starter: Path) -> EntityLinker:
    """A linker over the starter index with the default detector."""
    return EntityLinker.from_index(starter)


@pytest.fixture(scope="session")
def sample_index(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Index:
    """An index of the shared sample of Wikidata, open."""
    out = tmp_path_factory.mktemp("sample") / "index"
    build_index([shared / "wikidata-sample" / "sample.json.gz"], out, BuildOptions(name="sample"))
    return Index.open(out)
