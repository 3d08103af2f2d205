"""Where Spark finds files: the names that users give, and the paths that Spark has for them."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from nedsvc.bulk.inputs import STDIN
from nedsvc.errors import InvalidInput

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

JSON = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
PARQUET = (".parquet",)
_LOCAL = "file://"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_WILD = re.compile(r"([\[\]{}*?\\])")


def check_spark_inputs(names: Sequence[str]) -> None:
    """Refuses, before any work is done, what Spark does not read as it stands. Raises `InvalidInput`."""
    for name in names:
        if name == STDIN or not name.rstrip("/").endswith(JSON + PARQUET):
            raise InvalidInput(name, f"--engine spark reads {', '.join(JSON + PARQUET)} (also folders of such a name)")
        if not _SCHEME.match(name):
            path = Path(name)
            if not path.exists():
                raise InvalidInput(name, "is not there")
            if path.name.startswith(("_", ".")):
                raise InvalidInput(name, "Spark passes over files whose names begin with _ or .; rename it")
    if len(set(map(_whole, names))) < len(names):
        raise InvalidInput("INPUT", "a file is given twice; --engine spark reads each once")
    if 0 < sum(map(is_parquet, names)) < len(names):
        raise InvalidInput("INPUT", "--engine spark reads JSON lines or Parquet in one run, not both")


def is_parquet(name: str) -> bool:
    """Whether it is a file of Parquet, or a folder of them."""
    return name.rstrip("/").endswith(PARQUET)


def located(name: str) -> str:
    """The path by which Spark finds an input; a name without a scheme is a file on this machine."""
    return name if _SCHEME.match(name) else _LOCAL + _WILD.sub(r"\\\1", _whole(name))


def place_of(path: str, names: Sequence[str]) -> tuple[int, str]:
    """The input to which a file belongs that Spark has read, counted from 0, and the file's name for users."""
    whole = _unescaped(path)
    for number, name in enumerate(names):
        if whole == _whole(name):
            return number, name if _SCHEME.match(name) else str(Path(name))
        if whole.startswith(_whole(name) + "/"):
            return number, name.rstrip("/") + whole.removeprefix(_whole(name))
    return len(names), whole


class Folder:
    """A folder in any file system that Spark writes to."""

    def __init__(self, session: "SparkSession", name: str) -> None:
        self.uri = name if _SCHEME.match(name) else _LOCAL + _whole(name)
        self._session = session
        self._path = self._hadoop_path(self.uri)
        # Spark's API for Python has no door to file systems but this one.
        self._system: Any = self._path.getFileSystem(session._jsparkSession.sessionState().newHadoopConf())

    def exists(self) -> bool:
        """Whether anything is there."""
        return bool(self._system.exists(self._path))

    def inside(self, name: str) -> "Folder":
        """What stands in it under this name."""
        return Folder(self._session, f"{self.uri}/{name}")

    def make(self) -> None:
        """Make it, and those that it is in."""
        self._system.mkdirs(self._path)

    def become(self, other: "Folder") -> bool:
        """Move it to another place, in one step where the file system can."""
        return bool(self._system.rename(self._path, other._path))

    def remove(self) -> None:
        """Remove it with all that is in it."""
        self._system.delete(self._path, True)

    def _hadoop_path(self, uri: str) -> Any:
        jvm: Any = self._session.sparkContext._jvm
        return jvm.org.apache.hadoop.fs.Path(uri)


def _whole(name: str) -> str:
    return name.rstrip("/") if _SCHEME.match(name) else str(Path(name).absolute())


def _unescaped(path: str) -> str:
    """The path of a file as Spark tells it, without its escapes; of a local one without the scheme."""
    return re.sub(r"^file:/+", "/", unquote(path))
