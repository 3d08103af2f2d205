"""Answers as columns: the schema of Parquet files and of Spark's data frames."""

from collections.abc import Sequence
from typing import Any

import msgspec

from nedsvc.bulk.packing import arrow
from nedsvc.models import Options

_ENTITY = ("id", "label", "description", "url", "wikipedia")


class Shown(msgspec.Struct, frozen=True):
    """What answers hold beside what all have: by the options, and the fields that are passed through."""

    options: Options = Options()
    keep: tuple[str, ...] = ()


def answer_schema(shown: Shown) -> Any:
    """The `pyarrow.Schema` of answers: a column a field, mentions as a list of structs.

    `text` is the article of a page, null where the text was given as such (and not passed through).
    """
    pa = arrow("Parquet")
    options = shown.options
    text, number = pa.string(), pa.float64()
    entity = pa.struct([(name, text) for name in _ENTITY])
    candidates = [("candidates", pa.list_(pa.struct([("id", text), ("label", text), ("score", number)])))]
    span = [("start", pa.int64()), ("end", pa.int64()), ("surface", text), ("type", text), ("status", text)]
    span += [("confidence", number), ("entity", entity), ("error", text)]
    values = pa.map_(text, number)
    against = pa.struct([("id", text), ("label", text), ("reasons", values)])
    explained = [("explanation", values), ("against", against)] if options.explain else []
    mention = pa.struct([*span, *(candidates if options.candidates else []), *explained])
    role = pa.struct([*span, ("office", pa.struct([("id", text), ("label", text)])), *candidates])
    return pa.schema(
        [
            ("id", text),
            *((name, text) for name in shown.keep if name != "text"),
            ("language", text),
            ("index", text),
            ("text", text),
            ("mentions", pa.list_(mention)),
            *([("date", text), ("roles", pa.list_(role))] if options.roles else []),
        ]
    )


def answers_table(answers: Sequence[bytes], shown: Shown) -> Any:
    """The `pyarrow.Table` of answers that are given as JSON; of fields passed through what is no string stays JSON."""
    rows = [msgspec.json.decode(answer) for answer in answers]
    for row in rows:
        for name in shown.keep:
            value = row.get(name)
            if value is not None and not isinstance(value, str):
                row[name] = msgspec.json.encode(value).decode()
    return arrow("Parquet").Table.from_pylist(rows, schema=answer_schema(shown))
