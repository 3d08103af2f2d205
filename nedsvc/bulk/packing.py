"""Files that are packed: gzip and Zstandard, in and out."""

import io
from typing import IO, Any, cast

from isal import igzip

from nedsvc.errors import InvalidInput

PACKINGS = (".gz", ".zst")


def packing(name: str) -> str:
    """The suffix that says how the file is packed; "" where it is not."""
    return next((suffix for suffix in PACKINGS if name.lower().endswith(suffix)), "")


def unpacked(file: IO[bytes], name: str) -> IO[bytes]:
    """The unpacked bytes of an open file. Raises `InvalidInput` where what unpacks it is not installed."""
    if packing(name) == ".gz":
        return cast(IO[bytes], igzip.GzipFile(fileobj=file))
    if packing(name) == ".zst":
        pyarrow = arrow(name)
        stream = pyarrow.CompressedInputStream(pyarrow.PythonFile(file, mode="r"), "zstd")
        return io.BufferedReader(stream)
    return file


def packed(data: bytes, how: str) -> bytes:
    """The data in a member of its own, the same bytes each time; members may follow each other in a file."""
    if how == ".gz":
        return igzip.compress(data, mtime=0)
    if how == ".zst":
        return arrow(how).Codec("zstd").compress(data, asbytes=True)  # type: ignore[no-any-return]
    return data


def arrow(name: str) -> Any:
    """pyarrow, which reads and writes Parquet and Zstandard. Raises `InvalidInput` where it is not installed."""
    try:
        import pyarrow  # noqa: PLC0415 (an extra)
    except ImportError as error:
        raise InvalidInput(name, "needs pyarrow, which is not installed: pip install 'nedsvc[bulk]'") from error
    return pyarrow


def parquet(name: str) -> Any:
    """What reads and writes Parquet. Raises `InvalidInput` where it is not installed."""
    arrow(name)
    import pyarrow.parquet  # noqa: PLC0415

    return pyarrow.parquet
