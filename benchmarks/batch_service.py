"""Many short documents through `/v1/annotate/batch` in one request: documents a second, and the memory of the service.

    python benchmarks/batch_service.py [--index DIR] [--documents 200000] [--detector gazetteer]

The documents are paragraphs of the open benchmarks' texts, chosen by chance, each with a number so that no two are the
same. The client sends without waiting for answers and reads them in another thread; the service has one worker and
neither Redis nor anything else to do. What is taken at each tenth is the memory of the worker (resident, and its share
of what it shares), the most that it was resident so far, and the bytes on disk that wait to be linked.
"""

import argparse
import http.client
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from threading import Thread

import msgspec
from common import chosen_index, document_lines, index_parser, run
from processes import HOST, WebServer, children, service

from nedsvc.evaluation.report import aligned

PATH = "/v1/annotate/batch"
_LINES_A_CHUNK = 100


class Sample(msgspec.Struct, frozen=True):
    """What was seen when so many documents were answered."""

    documents: int
    seconds: float
    resident: float
    shared_out: float
    peak: float
    spooled: float


def chunks(documents: int) -> Iterator[bytes]:
    """The lines of the request, some at a time."""
    lines = document_lines(documents, 1)
    while some := list(islice(lines, _LINES_A_CHUNK)):
        yield b"".join(some)


def measure(server: WebServer, documents: int) -> Iterator[Sample]:
    """Send all documents, and look at the service at each tenth of the answers."""
    (worker,) = children(server.pid)
    connection = http.client.HTTPConnection(HOST, server.port)
    connection.putrequest("POST", PATH)
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    begin = time.monotonic()
    Thread(target=_send, args=(connection, documents), daemon=True).start()
    response = connection.response_class(connection.sock, method="POST")
    response.begin()
    answered = 0
    for answered, line in enumerate(response, 1):
        if not line.startswith(f'{{"id":"{answered - 1}","language"'.encode()):
            raise SystemExit(f"answer {answered} is none: {line[:200]!r}")
        if answered % (documents // 10) == 0:
            yield _sample(worker, answered, time.monotonic() - begin)
    if answered != documents:
        raise SystemExit(f"{answered} of {documents} documents were answered")


def _send(connection: http.client.HTTPConnection, documents: int) -> None:
    for chunk in chunks(documents):
        connection.send(b"%x\r\n%s\r\n" % (len(chunk), chunk))
    connection.send(b"0\r\n\r\n")


def _sample(pid: int, documents: int, seconds: float) -> Sample:
    status = _kilobytes(Path(f"/proc/{pid}/status"))
    pss = _kilobytes(Path(f"/proc/{pid}/smaps_rollup"))["Pss"]
    return Sample(documents, seconds, _mb(status["VmRSS"]), _mb(pss), _mb(status["VmHWM"]), _spooled(pid))


def _kilobytes(file: Path) -> dict[str, int]:
    fields = (line.split() for line in file.read_text().splitlines())
    return {field[0].rstrip(":"): int(field[1]) for field in fields if field[-1] == "kB"}


def _mb(kilobytes: int) -> float:
    return kilobytes * 1024 / 1e6


def _spooled(pid: int) -> float:
    """The MB of the files that the process has open and nobody else can see."""
    descriptors = [entry for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.exists() or entry.is_symlink()]
    return sum(entry.stat().st_size for entry in descriptors if "(deleted)" in str(entry.readlink())) / 1e6


def report(index: Path, detector: str, documents: int) -> None:
    """Measure and print a table, a row for each tenth."""
    print(f"{documents:,} documents, index {index.name}")
    rows = []
    before = Sample(0, 0.0, 0.0, 0.0, 0.0, 0.0)
    with service(index, 1, detector=detector) as server:
        for sample in measure(server, documents):
            rate = (sample.documents - before.documents) / (sample.seconds - before.seconds)
            taken = (sample.resident, sample.shared_out, sample.peak, sample.spooled)
            figures = (f"{figure:,.0f}" for figure in (sample.seconds, rate, *taken))
            rows.append((f"{sample.documents:,}", *figures))
            before = sample
    head = ("answered", "seconds", "documents/s", "RSS MB", "PSS MB", "peak RSS MB", "waiting MB")
    print(aligned(head, rows))
    print(f"{documents / before.seconds:,.0f} documents a second in all")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = index_parser((__doc__ or "").partition("\n")[0])
    parser.add_argument("--documents", type=int, default=200_000, help="how many to send (default: 200000)")
    parser.add_argument("--detector", default="gazetteer", help="what finds mentions (default: gazetteer)")
    return parser.parse_args()


def main() -> None:
    """Measure what the command line asks for."""
    arguments = parse()
    report(chosen_index(arguments), arguments.detector, arguments.documents)


if __name__ == "__main__":
    run(main)
