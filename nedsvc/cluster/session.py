"""A session of Spark for a command, and its errors in a sentence."""

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from nedsvc.cluster.frames import pandas_unwarned
from nedsvc.cluster.tasks import told_error
from nedsvc.errors import InvalidInput, ModelNotInstalled, NedError
from nedsvc.linker import BATCH_DOCUMENTS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# How Spark is set unless the user sets it otherwise.
_DEFAULTS = {
    "spark.app.name": "nedsvc",
    "spark.log.level": "OFF",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.maxRecordsPerBatch": str(BATCH_DOCUMENTS),
}
_CAUSES = (
    re.compile(r"Lost task .*?\(TID \d+\) \([^)]*\): (.+)"),
    re.compile(r"^[\w.]*(?:Exception|Error): (.+)", re.MULTILINE),
    re.compile(r"Exception.*?: (.+)"),
    re.compile(r"^(?:Error|ERROR)\S* (.+)", re.MULTILINE),
    re.compile(r"(.+)"),
)
_LONGEST = 400
_NO_INPUT = {"PATH_NOT_FOUND", "UNABLE_TO_INFER_SCHEMA", "CANNOT_MERGE_SCHEMAS", "UNSUPPORTED_FILE_SYSTEM"}


class ClusterFailed(NedError):  # noqa: N818
    """Spark could not do what it was asked."""

    title = "Spark failed"


def check_spark() -> None:
    """Refuses to begin where Spark is not installed. Raises `ModelNotInstalled`."""
    try:
        import pyspark  # noqa: F401, PLC0415 (an extra)
    except ImportError as error:
        raise ModelNotInstalled("Spark needs pyspark, which is not installed: pip install 'nedsvc[spark]'") from error
    home = os.environ.get("JAVA_HOME")
    if not shutil.which("java", path=os.path.join(home, "bin") if home else None):  # noqa: PTH118 (a search path)
        raise ModelNotInstalled("Spark needs Java 17 or newer, which is not there: install it, or set JAVA_HOME")


def read_conf(given: Sequence[str]) -> dict[str, str]:
    """Settings of Spark that are given as NAME=VALUE. Raises `InvalidInput`."""
    conf = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name.startswith("spark."):
            raise InvalidInput("--conf", f"must be as in spark.executor.memory=4g, not {each!r}")
        conf[name] = value
    return conf


@contextmanager
def spark_session(master: str, conf: dict[str, str]) -> Iterator["SparkSession"]:
    """A session of its own, which ends with the block; what is raised in it is told in a sentence.

    Spark's own log is not shown unless `spark.log.level` is set. Raises `ClusterFailed` and what workers told of.
    """
    check_spark()
    if master.startswith("local"):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    with pandas_unwarned(), tempfile.TemporaryFile() as log, _reported(log):
        context = _context(master, conf, log)
        try:
            from pyspark.sql import SparkSession  # noqa: PLC0415 (an extra)

            yield SparkSession(context)
        finally:
            context.stop()


@contextmanager
def reported() -> Iterator[None]:
    """Tells in a sentence what Spark raises in the block. Raises `ClusterFailed` and what workers told of."""
    with tempfile.TemporaryFile() as nothing, _reported(nothing):
        yield


def _context(master: str, conf: dict[str, str], log: IO[bytes]) -> Any:
    from pyspark import SparkConf, SparkContext  # noqa: PLC0415 (an extra)
    from pyspark.java_gateway import launch_gateway  # noqa: PLC0415

    chosen = SparkConf(loadDefaults=False).setAll([*(_DEFAULTS | conf).items(), ("spark.master", master)])
    shows_log = "spark.log.level" in conf
    gateway = launch_gateway(chosen, {} if shows_log else {"stderr": log, "stdout": log})
    return SparkContext(conf=chosen, gateway=gateway)


@contextmanager
def _reported(log: IO[bytes]) -> Iterator[None]:
    try:
        yield
    except NedError:
        raise
    except Exception as error:
        if not _is_sparks(error):
            raise
        raise _sentence(error, log) from error


def _is_sparks(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] in {"pyspark", "py4j"}


def _sentence(error: Exception, log: IO[bytes]) -> NedError:
    text = str(error)
    told = told_error(text)
    if told is not None:
        return told
    condition = getattr(error, "getCondition", lambda: None)()
    if condition == "JAVA_GATEWAY_EXITED":
        log.seek(0)
        text = log.read().decode(errors="replace") or text
    if condition in _NO_INPUT:
        return InvalidInput("input", _cause(text))
    return ClusterFailed(f"Spark failed: {_cause(text)} (--conf spark.log.level=WARN shows its log)")


def _cause(text: str) -> str:
    """The sentence in Spark's words that says why."""
    found = next((match[1] for cause in _CAUSES if (match := cause.search(text))), "it does not say why")
    plain = re.sub(r"^\[[A-Z0-9_.]+\] | SQLSTATE: .*", "", re.sub(r"\s+", " ", found).strip())
    return plain[:_LONGEST].rstrip(".")
