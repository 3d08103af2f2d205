"""Unpacking: what a file holds, whatever it is packed with, and how damage is told."""

import bz2
import gzip
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nedsvc.unpacking import UNREADABLE, open_unpacked

LINES = b"".join(b"%d %f\n" % (number, random.Random(number).random()) for number in range(100_000))
STREAMS = b"".join(bz2.compress(LINES[start : start + 300_000]) for start in range(0, len(LINES), 300_000))
PACKED = {"plain": LINES, "gzip": gzip.compress(LINES), "bzip2": bz2.compress(LINES), "streams": STREAMS}


def unpack(path: Path, *, is_pipe: bool = False, threads: int = 2) -> tuple[bytes, list[int]]:
    """What is in the file, and the positions on the way."""
    positions, pieces = [], []
    with path.open("rb") as file, open_unpacked(file, is_pipe, threads) as unpacked:
        while piece := unpacked.file.read(1 << 17):
            pieces.append(piece)
            positions.append(unpacked.position())
    return b"".join(pieces), positions


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("is_pipe", [False, True])
@pytest.mark.parametrize("kind", PACKED)
def test_a_file_is_unpacked_whatever_its_name(tmp_path: Path, kind: str, is_pipe: bool, threads: int) -> None:
    path = tmp_path / "dump"
    path.write_bytes(PACKED[kind])
    content, positions = unpack(path, is_pipe=is_pipe, threads=threads)
    assert content == LINES
    assert positions == sorted(positions)
    assert positions[-1] <= (0 if is_pipe else len(PACKED[kind]))
    assert is_pipe or positions[-1] > len(PACKED[kind]) / 2, "the position goes on with the reading"


@pytest.mark.parametrize("content", [b"", b"\x1f", b"B", b"BZ", b"plain"])
def test_what_is_too_short_to_be_packed_is_plain(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "dump").write_bytes(content)
    assert unpack(tmp_path / "dump")[0] == content


def damaged(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes(byte ^ 0xFF for byte in content[middle : middle + 20]) + content[middle + 20 :]


@pytest.mark.parametrize("is_pipe", [False, True])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", ["gzip", "bzip2", "streams"])
def test_what_is_cut_off_or_damaged_is_an_error(tmp_path: Path, kind: str, is_pipe: bool, threads: int) -> None:
    whole = PACKED[kind]
    rubbish = whole[:4] + random.Random(1).randbytes(5000)
    for broken in (whole[: len(whole) // 2], whole[:-1], damaged(whole), rubbish, whole[:4]):
        (tmp_path / "dump").write_bytes(broken)
        with pytest.raises(UNREADABLE):
            unpack(tmp_path / "dump", is_pipe=is_pipe, threads=threads)


def test_what_follows_bzip2_is_told(tmp_path: Path) -> None:
    """A stream whose beginning is damaged looks so."""
    (tmp_path / "dump").write_bytes(PACKED["streams"] + b"BXh91AY" + PACKED["bzip2"])
    with pytest.raises(OSError, match="damaged: no more can be read after"):
        unpack(tmp_path / "dump")


READING = """
import sys
from nedsvc.unpacking import open_unpacked
with open(sys.argv[1], "rb") as file, open_unpacked(file, False, 2) as unpacked:
    try:
        while unpacked.file.read(1 << 16):
            print("reading", flush=True)
    except KeyboardInterrupt:
        print("stopped")
"""


@pytest.mark.parametrize("kind", ["gzip", "bzip2"])
def test_reading_is_stopped_by_ctrl_c(tmp_path: Path, kind: str) -> None:
    (tmp_path / "dump").write_bytes(PACKED[kind] * 200)
    command = [sys.executable, "-c", READING, str(tmp_path / "dump")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reading\n"
        os.kill(process.pid, signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(10) == 0
    assert rest.endswith("stopped\n")
