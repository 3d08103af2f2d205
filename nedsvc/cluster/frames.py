"""Annotating the rows of a data frame of Spark."""

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from nedsvc.bulk.columns import Shown, answer_schema, answers_table
from nedsvc.bulk.inputs import Columns, Place, Row, check_columns, plain_fields, read_columns
from nedsvc.bulk.packing import arrow
from nedsvc.bulk.recent import Recent
from nedsvc.bulk.records import manner_of
from nedsvc.bulk.run import Outcome
from nedsvc.cluster.tasks import Job, linked, with_local_index
from nedsvc.linker import BATCH_DOCUMENTS
from nedsvc.models import Markup, Options
from nedsvc.settings import read_settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

ERROR = "error"
_TEXT = "text"
_DEFAULTS = Options()


def annotate(  # noqa: PLR0913 (each is a choice of its own, named as on the command line)
    dataframe: "DataFrame",
    text: str = "text",
    id: str = "id",
    *,
    index: str | Path | None = None,
    source: str | None = None,
    detector: str = "both",
    model: str | None = None,
    options: Options = _DEFAULTS,
    language: str = "en",
    date: str | None = None,
    input: Markup = "text",
    keep: Iterable[str] = (),
) -> "DataFrame":
    """The annotated rows of a data frame, in their partitions and order: a column for each field of an answer.

    `text` and `id` name the columns of the text and the id, `keep` those that are passed through as they are; columns
    `language`, `date`, `mentions` and `input` are heeded where they are there. A row that cannot be annotated has an
    `error` with its title and detail, and stops nothing; everywhere else that is null. `index` is a folder that each
    executor has under this path, or one that was shipped to it under this name; what is not chosen here is as the
    environment of the driver sets it. Raises `InvalidInput`.
    """
    from pyspark.sql import functions as sql  # noqa: PLC0415 (an extra)

    kept = tuple(keep)
    columns = Columns(text, id, kept)
    check_columns("dataframe", dataframe.columns, columns)
    settings = read_settings(os.environ, index=Path(index) if index else None, model=model, source=source)
    manner = manner_of(options, settings.max_text, columns, input, language, date)
    shown = Shown(options)
    # What is kept passes through as it stands, beside the answers.
    bare = msgspec.structs.replace(manner, keep=())
    job = Job(settings=settings, detector=detector, options=options, manner=bare, shown=shown)
    # As one column, since Spark's own mapInArrow trips over names such as `a.b`.
    read = dataframe.select(sql.struct(*map(quoted, read_columns(dataframe.columns, columns))).alias("row"))
    return mapped(read, partial(_annotated, with_local_index(job), kept), _schema(dataframe, shown, kept))


def mapped(
    dataframe: "DataFrame", function: Callable[[Iterator[Any]], Iterator[Any]], schema: "StructType"
) -> "DataFrame":
    """The data frame that the function makes of the record batches of one, partition by partition."""
    with pandas_unwarned():
        return dataframe.mapInArrow(function, schema)


@contextmanager
def pandas_unwarned() -> Iterator[None]:
    """Keeps PySpark from warning of pandas 3, which is not used here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
        yield


def quoted(name: str) -> str:
    """The name of a column as Spark reads it, whatever letters it has."""
    return "`" + name.replace("`", "``") + "`"


def spark_schema(schema: Any) -> "StructType":
    """The schema of Spark that stands for one of Arrow."""
    from pyspark.sql.pandas.types import from_arrow_schema  # noqa: PLC0415 (an extra)

    return from_arrow_schema(schema)


def _schema(dataframe: "DataFrame", shown: Shown, kept: Sequence[str]) -> "StructType":
    from pyspark.sql.types import StringType, StructField, StructType  # noqa: PLC0415 (an extra)

    first, *others = spark_schema(answer_schema(shown)).fields
    # A text that is kept stands in the column of texts, which is there in any case.
    error = StructType([StructField("title", StringType()), StructField("detail", StringType())])
    return StructType(
        [first, *(dataframe.schema[name] for name in kept if name != _TEXT), *others, StructField(ERROR, error)]
    )


def _annotated(job: Job, kept: Sequence[str], batches: Iterable[Any]) -> Iterator[Any]:
    """The record batches of answers, row by row those of the record batches given."""
    recent = Recent()
    for row in batches:
        batch = arrow("Spark").RecordBatch.from_struct_array(row.column("row"))
        place = 0
        for found in linked(job, _rows(batch), recent):
            beside = {name: batch.column(name).slice(place, len(found)) for name in kept}
            yield _answers(found, beside, job.shown)
            place += len(found)


def _rows(batch: Any) -> Iterator[Row]:
    """The rows of a record batch; only some of them are Python's objects at a time."""
    for start in range(0, batch.num_rows, BATCH_DOCUMENTS):
        for fields in batch.slice(start, BATCH_DOCUMENTS).to_pylist():
            yield Row(Place("", 0), b"", plain_fields(fields))


def _answers(found: Sequence[Outcome], kept: Mapping[str, Any], shown: Shown) -> Any:
    pyarrow = arrow("Spark")
    import pyarrow.compute as compute  # noqa: PLC0415, PLR0402 (an extra)

    lines = [each.answer or msgspec.json.encode({"id": each.record.id}) for each in found]
    columns = dict(zip(answer_schema(shown).names, answers_table(lines, shown).itercolumns(), strict=True))
    first = columns.pop("id")
    if _TEXT in kept:
        columns[_TEXT] = compute.coalesce(columns[_TEXT], kept[_TEXT].cast(pyarrow.string()))
    beside = {name: column for name, column in kept.items() if name != _TEXT}
    errors = [None if each.error is None else msgspec.structs.asdict(each.error) for each in found]
    kind = pyarrow.struct([("title", pyarrow.string()), ("detail", pyarrow.string())])
    table = pyarrow.table({"id": first, **beside, **columns, ERROR: pyarrow.array(errors, kind)})
    return table.combine_chunks().to_batches()[0]
