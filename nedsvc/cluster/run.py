"""A run of bulk on Spark: one pass that links, whose answers and errors become the output when all are there."""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from nedsvc.bulk.columns import answer_schema, answers_table
from nedsvc.bulk.inputs import Place, Row, json_row, plain_fields
from nedsvc.bulk.packing import arrow
from nedsvc.bulk.recent import Recent
from nedsvc.bulk.run import Outcome
from nedsvc.bulk.work import Tally
from nedsvc.cluster.frames import mapped, spark_schema
from nedsvc.cluster.numbering import numbered
from nedsvc.cluster.places import Folder, is_parquet, located
from nedsvc.cluster.session import ClusterFailed, reported
from nedsvc.cluster.tasks import Job, linked
from nedsvc.errors import InvalidInput
from nedsvc.lines import longest_line

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

OUTPUTS = (".jsonl", ".ndjson", ".json", ".jsonl.gz", ".ndjson.gz", ".json.gz", ".parquet")
_FAILED, _TALLY = "nedsvc_failed", "nedsvc_tally"
_COUNTS = Tally.__struct_fields__


class ClusterPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What to do: read the `inputs`, and write the folder `output`, as the job says."""

    inputs: tuple[str, ...]
    output: str
    job: Job


def check_spark_output(output: str) -> None:
    """Refuses, before any work is done, an output whose format is not known, or that is there.

    Raises `InvalidInput`.
    """
    if not output.endswith(OUTPUTS):
        raise InvalidInput("-o", f"{output} has no suffix that tells its format ({', '.join(OUTPUTS)})")
    for suffix in ("", ".partial", ".errors.jsonl"):
        if Path(output + suffix).exists():
            raise _is_there(output + suffix)


def run_on_spark(session: "SparkSession", plan: ClusterPlan) -> Tally:
    """Do what is planned; what was done in numbers. The output is there when all of it is, and not before.

    Raises `InvalidInput`, `ClusterFailed`, and what the workers told of.
    """
    with reported():
        output, partial_, errors = (
            Folder(session, plan.output + suffix) for suffix in ("", ".partial", ".errors.jsonl")
        )
        for folder in (output, partial_, errors):
            if folder.exists():
                raise _is_there(folder.uri)
        try:
            tally = _write(session, plan, partial_)
            _finish(session, plan, partial_, output, errors)
        finally:
            partial_.remove()
        return tally


def _is_there(name: str) -> InvalidInput:
    return InvalidInput("-o", f"{name} is there; remove it, or choose another output")


def _write(session: "SparkSession", plan: ClusterPlan, partial_: Folder) -> Tally:
    """Link, and write answers and errors aside, in one pass."""
    from pyspark.sql import Observation  # noqa: PLC0415 (an extra)
    from pyspark.sql import functions as sql  # noqa: PLC0415

    # Answers and errors are written at the same time: sorting them apart would not keep their order.
    session.conf.set("spark.sql.maxConcurrentOutputFileWriters", "2")
    manner = plan.job.manner
    rows = numbered(session, plan.inputs, manner.columns, longest_line(manner.most))
    done = Observation()
    sums = [sql.sum(f"{_TALLY}.{name}").alias(name) for name in _COUNTS]
    work = partial(_outcomes, plan.job, is_parquet(plan.inputs[0]), is_parquet(plan.output))
    found = mapped(rows, work, _schema(plan)).observe(done, *sums).drop(_TALLY)
    _save(found, plan.output, partial_.uri, _FAILED)
    return Tally(**{name: count or 0 for name, count in done.get.items()})


def _save(found: "DataFrame", output: str, where: str, *by: str) -> None:
    if is_parquet(output):
        found.write.partitionBy(*by).parquet(where, compression="zstd")
    else:
        found.write.partitionBy(*by).text(where, compression="gzip" if output.endswith(".gz") else "none")


def _schema(plan: ClusterPlan) -> Any:
    """The columns of what the workers give: those of the output, whether it failed, and what was done in numbers."""
    pyarrow = arrow("Spark")
    fields = answer_schema(plan.job.shown) if is_parquet(plan.output) else [("value", pyarrow.string())]
    counts = pyarrow.struct([(name, pyarrow.int64()) for name in _COUNTS])
    return spark_schema(pyarrow.schema([*fields, (_FAILED, pyarrow.int32()), (_TALLY, counts)]))


def _finish(session: "SparkSession", plan: ClusterPlan, partial_: Folder, output: Folder, errors: Folder) -> None:
    """Put the errors and at last the answers in their places."""
    failed, answers = (partial_.inside(f"{_FAILED}={number}") for number in (1, 0))
    if failed.exists():
        if is_parquet(plan.output):
            _lines_of_errors(session, failed, partial_.inside("errors"))
            failed = partial_.inside("errors")
        _move(failed, errors)
    if not answers.exists():
        nothing = session.createDataFrame([], _schema(plan)).drop(_FAILED, _TALLY)
        _save(nothing, plan.output, answers.uri)
    success = partial_.inside("_SUCCESS")
    if success.exists():  # Spark can be set to leave none
        success.become(answers.inside("_SUCCESS"))
    _move(answers, output)


def _move(folder: Folder, place: Folder) -> None:
    if not folder.become(place):
        raise ClusterFailed(f"{place.uri} could not be put in its place; is another run writing it?")


def _lines_of_errors(session: "SparkSession", failed: Folder, where: Folder) -> None:
    """Write the errors, which stand in Parquet beside the answers, as lines in their order."""
    from pyspark.sql import functions as sql  # noqa: PLC0415 (an extra)

    read = session.read.parquet(located(failed.uri.removeprefix("file://")))
    at = sql.monotonically_increasing_id()
    order = (sql.col("_metadata.file_name"), sql.col("_metadata.file_block_start"), at)
    placed = read.select(sql.col("id").alias("value"), *(each.alias(f"by{n}") for n, each in enumerate(order)))
    placed.orderBy("by0", "by1", "by2").select("value").write.text(where.uri)


def _outcomes(job: Job, from_parquet: bool, to_parquet: bool, batches: Iterable[Any]) -> Iterator[Any]:
    """The record batches of what becomes of rows that know their places."""
    rows = _rows(job, from_parquet, batches)
    for found in linked(job, rows, Recent()):
        yield _batch(found, job, to_parquet)


def _rows(job: Job, from_parquet: bool, batches: Iterable[Any]) -> Iterator[Row]:
    most = longest_line(job.manner.most)
    for batch in batches:
        for each in batch.to_pylist():
            place = Place(each["file"], each["line"])
            value = each["value"]
            row = Row(place, b"", plain_fields(value)) if from_parquet else json_row(place, value, most)
            if row is not None:
                yield row


def _batch(found: list[Outcome], job: Job, to_parquet: bool) -> Any:
    pyarrow = arrow("Spark")
    columns: dict[str, Any] = {"value": [each.line.decode() for each in found]}
    if to_parquet:
        # A record that failed has no column of its own for the line that tells why, so it stands in that of the id.
        lines = [each.answer or msgspec.json.encode({"id": each.line.decode()}) for each in found]
        table = answers_table(lines, job.shown).combine_chunks()
        columns = dict(zip(table.column_names, (column.chunk(0) for column in table.itercolumns()), strict=True))
    failed = pyarrow.array([int(each.error is not None) for each in found], pyarrow.int32())
    counts = pyarrow.array([msgspec.structs.asdict(each.tally) for each in found])
    return pyarrow.RecordBatch.from_pydict({**columns, _FAILED: failed, _TALLY: counts})
