"""The rows of files, each with its place, in parts that follow the order of the input.

Spark reads files in pieces, in an order of its own. A first pass counts the rows of each piece; with that the rows of a
second pass know their number, by which they are dealt out to parts of equal size. So the driver holds a number a piece,
a packed file that only one task can read is still linked by all, and the parts in their order are the input in its.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from nedsvc.bulk.inputs import Columns, check_columns, read_columns
from nedsvc.cluster.frames import quoted
from nedsvc.cluster.places import is_parquet, located, place_of
from nedsvc.linker import BATCH_DOCUMENTS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_DOCUMENTS_A_PART = 2_000
_PARTS_A_CORE = 4
_MOST_PARTS = 99_999  # more would not be in order by their names


class _Piece(msgspec.Struct, frozen=True, order=True):
    """A piece of a file: which input it is of, where it stands, the number of its first row, and how many it has."""

    input: int
    shown: str
    start: int
    path: str
    first: int
    count: int


def numbered(session: "SparkSession", names: Sequence[str], columns: Columns, most: int) -> "DataFrame":
    """The rows of the inputs, as columns `file`, `line` and `value`, in parts that follow their order.

    A `value` is a line of JSON, null where it is longer than `most` bytes, or the fields that are read of a row of
    Parquet. Raises `InvalidInput` where a column is missing.
    """
    # The pieces of both passes must be the same, however many executors there are by then.
    session.conf.set("spark.sql.files.minPartitionNum", str(session.sparkContext.defaultParallelism))
    rows = _parquet(session, names, columns) if is_parquet(names[0]) else _lines(session, names, most)
    pieces = _pieces(rows, names)
    return _in_parts(session, rows, pieces)


def _lines(session: "SparkSession", names: Sequence[str], most: int) -> "DataFrame":
    from pyspark.sql import functions as sql  # noqa: PLC0415 (an extra)

    read = session.read.text([located(name) for name in names], lineSep="\n", recursiveFileLookup=True)
    # What is no UTF-8 must come as it stands, to be refused.
    value = sql.when(sql.octet_length("value") < most, sql.col("value").cast("binary"))
    return read.select(
        sql.col("_metadata.file_path").alias("path"),
        sql.col("_metadata.file_block_start").alias("start"),
        sql.monotonically_increasing_id().alias("at"),
        value.alias("value"),
    )


def _parquet(session: "SparkSession", names: Sequence[str], columns: Columns) -> "DataFrame":
    from pyspark.sql import functions as sql  # noqa: PLC0415 (an extra)

    read = session.read.parquet(*(located(name) for name in names), mergeSchema=True)
    check_columns(", ".join(names), read.columns, columns)
    wanted = read_columns(read.columns, columns)
    return read.select(
        sql.col("_metadata.file_path").alias("path"),
        sql.lit(0).cast("long").alias("start"),
        sql.col("_metadata.row_index").alias("at"),
        sql.struct(*map(quoted, wanted)).alias("value"),
    )


def _pieces(rows: "DataFrame", names: Sequence[str]) -> list[_Piece]:
    from pyspark.sql import functions as sql  # noqa: PLC0415 (an extra)

    counted = rows.groupBy("path", "start").agg(sql.min("at").alias("first"), sql.count(sql.lit(1)).alias("count"))
    found = []
    for row in counted.collect():
        number, shown = place_of(row["path"], names)
        found.append(_Piece(number, shown, row["start"], row["path"], row["first"], row["count"]))
    return sorted(found)


def _in_parts(session: "SparkSession", rows: "DataFrame", pieces: Sequence[_Piece]) -> "DataFrame":
    from pyspark.sql import functions as sql  # noqa: PLC0415 (an extra)

    total = sum(piece.count for piece in pieces)
    schema = "path string, start long, file string, first long, count long, before long, row long"
    known = session.createDataFrame(list(_known(pieces)), schema)
    inside = sql.col("at") - sql.col("first")
    changed = sql.col("file").isNull() | (inside >= sql.col("count"))
    checked = sql.when(changed, sql.raise_error("an input changed while it was read")).otherwise(inside)
    joined = rows.join(sql.broadcast(known), ["path", "start"], "left").withColumn("inside", checked)
    row = sql.col("row") + sql.col("inside")
    numbered_rows = joined.select(
        "file",
        (sql.col("before") + sql.col("inside") + 1).alias("line"),
        row.alias("row"),
        "value",
    )
    parts = _parts(session, total)
    part = sql.floor(sql.col("row") * parts / max(total, 1)).cast("int")
    return numbered_rows.repartitionById(parts, part).sortWithinPartitions("row").select("file", "line", "value")


def _known(pieces: Sequence[_Piece]) -> Iterator[tuple[Any, ...]]:
    """What the rows of a piece must know: how many of its file, and of all inputs, stand before it."""
    before = row = 0
    path = ""
    for piece in pieces:
        if piece.path != path:
            before, path = 0, piece.path
        yield (piece.path, piece.start, piece.shown, piece.first, piece.count, before, row)
        before += piece.count
        row += piece.count


def _parts(session: "SparkSession", total: int) -> int:
    """Some for each core, so that none is idle in the end; not so long that much is lost with one, nor mere crumbs."""
    wanted = max(_PARTS_A_CORE * session.sparkContext.defaultParallelism, -(-total // _DOCUMENTS_A_PART))
    return max(1, min(wanted, -(-total // BATCH_DOCUMENTS), _MOST_PARTS))
