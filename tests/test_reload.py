"""`nedsvc serve` and SIGHUP: a newer index takes over while requests go on, and one that cannot be opened does not."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest
import servers
from dumps import claims, dump_item, make_dump
from servers import NedService, RedisServer, wait_until
from test_serve import children

from nedsvc.index import reader
from nedsvc.index.build import build_index
from nedsvc.index.format import MANIFEST, check_sizes
from nedsvc.index.options import BuildOptions

KYIV = dump_item("Q1899", "Kyiv", aliases=["Kiev"], claims=claims(P31="Q515"), sitelinks=["enwiki"])
TEXT = "She was in Kiev."


def build(folder: Path, number: int) -> str:
    """Builds index `number` in the folder; the id of the index."""
    return build_index([dump(folder, number)], folder, BuildOptions(name=f"number{number}")).content_id


def build_by_command(folder: Path, number: int) -> str:
    """The same by `nedsvc index build`."""
    command = [sys.executable, "-m", "nedsvc", "index", "build", str(dump(folder, number)), "-o", str(folder)]
    subprocess.run([*command, "--name", f"number{number}"], check=True, capture_output=True)
    return content_id(folder)


def dump(folder: Path, number: int) -> Path:
    return make_dump(folder.parent, [KYIV, dump_item(f"Q{1000 + number}", f"Town {number}")], f"{number}.json")


def content_id(folder: Path) -> str:
    return str(json.loads((folder / MANIFEST).read_bytes())["content_id"])


def hang_up(service: NedService) -> None:
    os.kill(service.pid, signal.SIGHUP)


def served(service: NedService) -> str:
    return str(service.get("/readyz").json["index"])


def reload(service: NedService, index: str) -> None:
    """Sends SIGHUP and returns once this index is all that is served."""
    before = set(children(service.pid))
    hang_up(service)
    wait_until(lambda: before.isdisjoint(children(service.pid)), 20)
    assert served(service) == index


class Asking:
    """Threads that annotate until the block ends: some on a connection for each text, some on one that they keep."""

    def __init__(self, service: NedService) -> None:
        self.answers: list[tuple[float, int, str]] = []  # when it was asked, the status, and which index answered
        self._service = service
        self._ended = Event()

    def __enter__(self) -> "Asking":
        self._pool = ThreadPoolExecutor(4)
        self._running: list[Future[None]] = [
            self._pool.submit(self._ask, thread, keeps=thread % 2 == 0) for thread in range(4)
        ]
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Waits for the last answers. Raises what a request failed with."""
        self._ended.set()
        self._pool.shutdown()
        for running in self._running:
            running.result()

    def _ask(self, thread: int, *, keeps: bool) -> None:
        connection = http.client.HTTPConnection(self._service.host, self._service.port, timeout=30)
        number = 0
        while not self._ended.is_set():
            number += 1
            asked = time.monotonic()
            connection.request("POST", "/v1/annotate", json.dumps({"text": f"{TEXT} Report {thread}-{number // 2}."}))
            response = connection.getresponse()
            content = json.loads(response.read())
            self.answers.append((asked, response.status, content["index"]))
            if not keeps:
                connection.close()
        connection.close()

    def since(self, moment: float) -> set[str]:
        return {index for asked, _, index in self.answers if asked > moment}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "wikidata"
    build(folder, 1)
    return folder


def test_a_newer_index_takes_over_again_and_again_and_no_request_fails(folder: Path, tmp_path: Path) -> None:
    first = content_id(folder)
    with NedService(folder, tmp_path, "--workers", "2") as service, Asking(service) as asking:
        second = build_by_command(folder, 2)
        assert served(service) == first, "nothing changes before the signal"
        reload(service, second)
        moment = time.monotonic()
        wait_until(lambda: len(asking.since(moment)) == 1, 10)
        third = build_by_command(folder, 3)
        assert asking.since(moment) == {second}
        reload(service, third)
        moment = time.monotonic()
        wait_until(lambda: len(asking.answers) > 2_000 and asking.since(moment), 60)
    assert Counter(status for _, status, _ in asking.answers).keys() == {200}
    assert {index for *_, index in asking.answers} == {first, second, third}
    assert asking.since(moment) == {third}
    assert "Traceback" not in service.log.read_text()


def test_signals_right_after_each_other_fail_no_request(folder: Path, tmp_path: Path) -> None:
    with NedService(folder, tmp_path, "--workers", "2") as service, Asking(service) as asking:
        newer = build(folder, 2)
        for _ in range(10):
            hang_up(service)
            time.sleep(0.1)
        reload(service, newer)
        wait_until(lambda: len(children(service.pid)) == 2, 20)
    assert {status for _, status, _ in asking.answers} == {200}


def test_a_signal_to_all_processes_fails_no_request(folder: Path, tmp_path: Path) -> None:
    with NedService(folder, tmp_path, "--workers", "2") as service, Asking(service) as asking:
        newer = build(folder, 2)
        for _ in range(5):
            os.killpg(service.pid, signal.SIGHUP)
            time.sleep(0.1)
        wait_until(lambda: served(service) == newer, 10)
    assert {status for _, status, _ in asking.answers} == {200}


def remove(folder: Path) -> None:
    shutil.rmtree(folder)


def cut_off(folder: Path) -> None:
    """A file that lacks its end, in the place of the one that is open."""
    content = (folder / "numbers.npy").read_bytes()
    (folder / "numbers.npy").unlink()
    (folder / "numbers.npy").write_bytes(content[:-1])


def of_another_version(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_text(json.dumps(manifest | {"format_version": 999}))


def of_other_bytes(folder: Path) -> None:
    """Files of the right size that hold nothing of theirs."""
    for file in folder.glob("*.npy"):
        size = file.stat().st_size
        file.unlink()
        file.write_bytes(bytes(size))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (remove, "There is no index in"),
        (cut_off, "numbers.npy has"),
        (of_another_version, "has index format 999"),
        (of_other_bytes, "is damaged"),
    ],
)
def test_an_index_that_cannot_be_opened_leaves_the_one_before_in_service(
    folder: Path, tmp_path: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    index = content_id(folder)
    with NedService(folder, tmp_path) as service:
        workers = children(service.pid)
        build(folder, 2)
        spoil(folder)
        hang_up(service)
        wait_until(lambda: service.get("/readyz").json["status"] == "degraded", 10)
        ready = service.get("/readyz")
        assert (ready.status, ready.json["index"]) == (200, index)
        assert ready.json["reload"] == "failed, so what was served before still is; the log says why"
        (line,) = (line for line in service.log.read_text().splitlines() if "[ERROR]" in line)
        assert "Nothing was reloaded: " in line
        assert reason in line
        assert children(service.pid) == workers
        assert service.annotate(TEXT).json["index"] == index

        shutil.rmtree(folder, ignore_errors=True)
        newer = build(folder, 3)
        reload(service, newer)
        assert service.get("/readyz").json == {"status": "ready", "index": newer, "cache": "memory"}


def test_a_changed_overlay_is_taken_over_and_a_broken_one_is_not(folder: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "own.jsonl"
    overlay.write_text('{"id": "acme:1", "names": ["First Works"]}')
    with NedService(folder, tmp_path, "--overlay", str(overlay), NEDSVC_CACHE=str(tmp_path / "cache")) as service:
        first = served(service)
        overlay.write_text('{"id": "acme:1"}')
        hang_up(service)
        wait_until(lambda: service.get("/readyz").json["status"] == "degraded", 10)
        assert "own.jsonl, line 1: names is missing" in service.log.read_text()
        assert (served(service), service.get("/v1/entities/acme:1").status) == (first, 200)
        overlay.write_text('{"id": "acme:2", "names": ["Second Works"]}')
        hang_up(service)
        wait_until(lambda: served(service) != first, 10)
        assert [service.get(f"/v1/entities/{id_}").status for id_ in ("acme:1", "acme:2")] == [404, 200]


class Talk:
    """A batch, of which the lines are sent one by one."""

    def __init__(self, service: NedService) -> None:
        self._connection = socket.create_connection((service.host, service.port), timeout=30)
        head = "POST /v1/annotate/batch HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        self._connection.sendall(head.encode())
        self._answers = self._connection.makefile("rb")

    def ask(self) -> str:
        """Sends a line; the index that its answer names."""
        line = json.dumps({"text": TEXT}).encode() + b"\n"
        self._connection.sendall(b"%x\r\n%s\r\n" % (len(line), line))
        while not (answer := self._answers.readline()).startswith(b"{"):
            assert answer, "the batch broke off"
        return str(json.loads(answer)["index"])

    def end(self) -> bytes:
        """Ends the request; the rest of the answer."""
        self._connection.sendall(b"0\r\n\r\n")
        return self._answers.read()

    def close(self) -> None:
        self._answers.close()
        self._connection.close()


@contextmanager
def talking(service: NedService) -> Iterator[Talk]:
    talk = Talk(service)
    try:
        yield talk
    finally:
        talk.close()


def test_a_batch_is_answered_to_its_end_by_the_index_that_it_began_with(folder: Path, tmp_path: Path) -> None:
    older = content_id(folder)
    with NedService(folder, tmp_path) as service, talking(service) as talk:
        (worker,) = children(service.pid)
        assert talk.ask() == older
        newer = build(folder, 2)
        hang_up(service)
        wait_until(lambda: service.annotate(TEXT).json["index"] == newer, 10)
        assert talk.ask() == older
        assert worker in children(service.pid)
        assert talk.end().endswith(b"0\r\n\r\n"), "the answer is whole"
        wait_until(lambda: worker not in children(service.pid), 10)
        assert "Traceback" not in service.log.read_text()


def test_a_worker_that_dies_is_replaced_while_the_one_before_it_finishes(folder: Path, tmp_path: Path) -> None:
    with NedService(folder, tmp_path) as service, talking(service) as talk:
        (finishing,) = children(service.pid)
        older = talk.ask()
        newer = build(folder, 2)
        hang_up(service)
        wait_until(lambda: len(children(service.pid)) == 2, 10)
        (serving,) = set(children(service.pid)) - {finishing}
        os.kill(serving, signal.SIGKILL)
        wait_until(lambda: service.annotate(TEXT).json["index"] == newer, 10)
        assert talk.ask() == older


def test_the_service_ends_soon_while_a_replaced_worker_finishes_a_batch(folder: Path, tmp_path: Path) -> None:
    with NedService(folder, tmp_path) as service, talking(service) as talk:
        talk.ask()
        newer = build(folder, 2)
        hang_up(service)
        wait_until(lambda: service.annotate(TEXT).json["index"] == newer, 10)
        talk.end()
        begin = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - begin < 10


def test_a_replaced_worker_that_does_not_finish_is_ended_at_last(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = "from nedsvc.web import server; server.SECONDS_TO_FINISH = 1.0; from nedsvc.cli import main; main()"
    monkeypatch.setattr(servers, "_NEDSVC", (sys.executable, "-c", program))
    with NedService(folder, tmp_path) as service, talking(service) as talk:
        (worker,) = children(service.pid)
        talk.ask()
        hang_up(service)
        wait_until(lambda: worker not in children(service.pid), 10)
        assert "was replaced 1 seconds ago; what it is still at is broken off" in service.log.read_text()
        assert service.annotate(TEXT).status == 200


def test_kept_answers_of_one_index_are_never_those_of_another(
    redis_server: RedisServer, folder: Path, tmp_path: Path
) -> None:
    with NedService(folder, tmp_path, NEDSVC_REDIS_URL=redis_server.url) as service:
        older = [service.annotate(TEXT), service.annotate(TEXT), service.lookup("Town")]
        assert [reply.cache for reply in older] == ["miss", "hit", "miss"]
        newer = build(folder, 2)
        reload(service, newer)
        replies = [service.annotate(TEXT), service.annotate(TEXT), service.lookup("Town")]
        assert [reply.cache for reply in replies] == ["miss", "hit", "miss"]
        assert {reply.json["index"] for reply in replies[:2]} == {newer}


def test_the_files_of_the_index_before_are_let_go(folder: Path, tmp_path: Path) -> None:
    with NedService(folder, tmp_path) as service:
        reload(service, build(folder, 2))
        for process in (service.pid, *children(service.pid)):
            maps = Path(f"/proc/{process}/maps").read_text().splitlines()
            opened = [line for line in maps if str(folder.parent) in line]
            assert opened
            assert not [line for line in opened if line.endswith("(deleted)")]


def test_an_index_that_is_replaced_while_it_is_opened_is_opened_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "index"
    dumps = [make_dump(tmp_path, [KYIV, dump_item("Q1", name)], f"{name}.json") for name in ("Elbe", "Oder")]
    build_index(dumps[:1], folder, BuildOptions())

    def and_replace(*arguments: object) -> None:
        check_sizes(*arguments)  # type: ignore[arg-type]
        monkeypatch.undo()
        build_index(dumps[1:], folder, BuildOptions())

    monkeypatch.setattr(reader, "check_sizes", and_replace)
    index = reader.Index.open(folder)
    assert index.manifest.content_id == content_id(folder)
    assert index.label_of(1) == "Oder"


# What systemd does with a socket that it holds: the service finds it at number 3.
HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


class Activated(NedService):
    """The service with a socket that another process holds."""

    def __init__(self, listener: socket.socket, index: Path, folder: Path) -> None:
        super().__init__(index, folder)
        self.port = listener.getsockname()[1]
        self._passed = (listener.fileno(),)
        self._command = [sys.executable, "-c", HAND_OVER, str(listener.fileno()), *self._command]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield listener


def test_with_a_socket_of_systemd_a_restart_fails_no_request(
    listener: socket.socket, folder: Path, tmp_path: Path
) -> None:
    older = content_id(folder)
    with Activated(listener, folder, tmp_path) as first, Asking(first) as asking:
        wait_until(lambda: len(asking.answers) > 100, 20)
        newer = build(folder, 2)
        assert first.stop() == 0
        with Activated(listener, folder, tmp_path) as second:
            wait_until(lambda: asking.answers[-1][-1] == newer, 20)
            assert served(second) == newer
            asking.end()
    assert {status for _, status, _ in asking.answers} == {200}
    assert {index for *_, index in asking.answers} == {older, newer}
