"""`nedsvc serve` as an operator runs it: real processes under gunicorn, with and without a real Redis."""

import http.client
import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from servers import NedService, RedisServer, Reply, wait_until

from nedsvc.cache.client import FAILURES_UNTIL_OPEN, LEFT_ALONE
from nedsvc.cache.redis import ANSWER_WITHIN

ARTICLE = (Path(__file__).parents[1] / "examples" / "article.txt").read_text()


@pytest.fixture(scope="module")
def plain(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NedService]:
    """A service without Redis."""
    with NedService(starter, tmp_path_factory.mktemp("plain")) as service:
        yield service


def with_redis(starter: Path, tmp_path: Path, url: str, workers: int = 1, **environment: str) -> NedService:
    return NedService(starter, tmp_path, "--workers", str(workers), NEDSVC_REDIS_URL=url, **environment)


def unheard(number: int) -> str:
    """A text that nobody asked for."""
    return f"Putin met Blinken in Kiev, said report {number} of {time.monotonic()}."


class Load:
    """Threads that look up names, one after the other, until the block ends."""

    def __init__(self, service: NedService, threads: int = 4) -> None:
        self.replies: list[tuple[float, float, Reply]] = []
        self._service = service
        self._threads = threads
        self._ended = Event()

    def __enter__(self) -> "Load":
        self._pool = ThreadPoolExecutor(self._threads)
        self._running: list[Future[None]] = [self._pool.submit(self._ask, number) for number in range(self._threads)]
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._pool.shutdown()
        for running in self._running:
            running.result()

    def _ask(self, thread: int) -> None:
        number = 0
        while not self._ended.is_set():
            number += 1
            begin = time.monotonic()
            # Half of the names are new.
            reply = self._service.lookup(f"Kiev{thread}-{number // 2 if number % 2 else 0}")
            self.replies.append((begin, time.monotonic() - begin, reply))

    def statuses(self) -> set[int]:
        return {reply.status for _, _, reply in self.replies}


# Without Redis


def test_every_route_answers(plain: NedService) -> None:
    assert plain.annotate("Putin was in Kiev.").json["mentions"][1]["entity"]["id"] == "Q1899"
    assert plain.lookup("Blinken").json["entity"]["id"] == "Q7821917"
    batch = plain.call("POST", "/v1/lookup/batch", {"queries": [{"mention": "Kiev"}, {"mention": "Zzyzx"}]})
    assert [one["status"] for one in batch.json["results"]] == ["linked", "nil"]
    assert plain.get("/v1/entities/Q7747").json["label"] == "Vladimir Putin"
    assert [plain.get(path).status for path in ("/healthz", "/readyz", "/openapi.json", "/docs")] == [200] * 4
    assert plain.get("/docs/assets/swagger-ui-bundle.js").status == 200


def test_without_redis_answers_are_kept_in_memory(plain: NedService) -> None:
    text = unheard(0)
    replies = [plain.annotate(text) for _ in range(2)]
    assert [reply.cache for reply in replies] == ["miss", "hit"]
    assert replies[0].body == replies[1].body
    assert plain.get("/readyz").json["cache"] == "memory"


def test_refusals_are_problems(plain: NedService) -> None:
    for reply, status in [
        (plain.annotate(""), 422),
        (plain.call("POST", "/v1/annotate", b"{"), 422),
        (plain.annotate("x" * 1_000_001), 413),
        (plain.get("/v1/entities/Q2147483647"), 404),
        (plain.call("DELETE", "/v1/lookup"), 405),
        (plain.get("/%2e%2e/etc/passwd"), 404),
    ]:
        assert (reply.status, reply.headers["content-type"]) == (status, "application/problem+json")
        assert reply.json["status"] == status


def test_a_text_of_the_largest_size_is_taken_even_in_escapes(plain: NedService) -> None:
    body = b'{"text":"' + rb"\u00e9" * 500_000 + b'"}'
    assert plain.call("POST", "/v1/annotate", body).status == 200


@pytest.mark.parametrize("size", [6_990_000, 7_100_000])
def test_a_body_in_chunks_is_not_cut_off_in_silence(plain: NedService, size: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", plain.port, timeout=60)
    body = b'{"text":"Kiev"}'.ljust(size)
    pieces = (body[begin : begin + 100_000] for begin in range(0, size, 100_000))
    connection.request("POST", "/v1/annotate", pieces, {"Transfer-Encoding": "chunked"}, encode_chunked=True)
    response = connection.getresponse()
    assert response.status == (200 if size < 7_000_000 else 413)
    response.read()
    connection.close()


def test_what_is_no_http_harms_nobody(plain: NedService) -> None:
    for noise in (b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"PUT /v1/annotate HTTP/9.9\r\n\r\n", b"\xff" * 10_000):
        with socket.create_connection(("127.0.0.1", plain.port), timeout=5) as connection:
            connection.sendall(noise)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(1 << 16)
        assert b"Traceback" not in answer
    assert plain.get("/healthz").status == 200


def test_the_largest_text_can_be_set(starter: Path, tmp_path: Path) -> None:
    with NedService(starter, tmp_path, NEDSVC_MAX_TEXT="10") as service:
        assert service.annotate("Kiev Kiev").status == 200
        assert service.annotate("Kiev, Kiev.").json["detail"].startswith("text may have 10 bytes")


# With Redis


def test_workers_share_their_answers(redis_server: RedisServer, starter: Path, tmp_path: Path) -> None:
    with with_redis(starter, tmp_path, redis_server.url, workers=2) as service:
        assert service.get("/readyz").json["cache"] == "redis"
        replies = [service.annotate(ARTICLE) for _ in range(12)]
        assert [reply.cache for reply in replies] == ["miss"] + ["hit"] * 11
        assert len({reply.body for reply in replies}) == 1
    with with_redis(starter, tmp_path, redis_server.url) as service, NedService(starter, tmp_path) as alone:
        kept, computed = service.annotate(ARTICLE), alone.annotate(ARTICLE)
        assert (kept.cache, computed.cache) == ("hit", "miss")
        assert kept.body == computed.body


def test_two_hundred_requests_for_one_text_compute_it_once(
    redis_server: RedisServer, starter: Path, tmp_path: Path
) -> None:
    with with_redis(starter, tmp_path, redis_server.url, workers=2) as service, ThreadPoolExecutor(200) as pool:
        replies = list(pool.map(lambda _: service.annotate(ARTICLE * 5), range(200)))
    assert {reply.status for reply in replies} == {200}
    assert sorted(str(reply.cache) for reply in replies) == ["hit"] * 199 + ["miss"]
    assert len({reply.body for reply in replies}) == 1


def test_redis_killed_and_started_again_during_requests_fails_none(
    own_redis: RedisServer, starter: Path, tmp_path: Path
) -> None:
    with with_redis(starter, tmp_path, own_redis.url) as service, Load(service) as load:
        wait_until(lambda: any(reply.cache == "hit" for *_, reply in load.replies), 10)
        own_redis.kill()
        killed = time.monotonic()
        wait_until(lambda: load.replies[-1][-1].cache == "bypass", 5)
        degraded = service.get("/readyz")
        time.sleep(0.5)
        own_redis.start()
        started = time.monotonic()
        wait_until(lambda: load.replies[-1][-1].cache == "hit", 5)
        wait_until(lambda: service.get("/readyz").json["status"] == "ready", 5)
    assert load.statuses() == {200}
    assert max(seconds for begin, seconds, _ in load.replies if killed < begin < started) < 2
    assert (degraded.status, degraded.json["status"]) == (200, "degraded")
    assert degraded.json["cache"] == "redis cannot be reached; answers are not cached"


def test_redis_that_is_away_at_the_start_is_used_once_it_comes(starter: Path, tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    with with_redis(starter, tmp_path, server.url) as service:
        assert service.lookup("Kiev").cache == "bypass"
        assert service.get("/readyz").json["status"] == "degraded"
        with server:
            wait_until(lambda: service.lookup("Kiev").cache == "hit", 5)
            assert service.get("/readyz").json["status"] == "ready"


def test_redis_that_hangs_slows_a_few_requests_and_then_none(
    own_redis: RedisServer, starter: Path, tmp_path: Path
) -> None:
    with with_redis(starter, tmp_path, own_redis.url) as service:
        service.lookup("Kiev")
        with own_redis.halted():
            slow = timed(service, FAILURES_UNTIL_OPEN)
            assert slow < FAILURES_UNTIL_OPEN * (ANSWER_WITHIN + 0.2)
            assert timed(service, 20) < 20 * 0.1, "left alone"
            ready = service.get("/readyz")
            assert (ready.status, ready.json["status"]) == (200, "degraded")
            assert ready.json["cache"] == "redis does not answer in time; answers are not cached"
        assert wait_until(lambda: service.lookup("Kiev").cache == "hit", 10) < LEFT_ALONE + 3


def timed(service: NedService, requests: int) -> float:
    """The seconds of some look-ups together, all of them answered."""
    begin = time.monotonic()
    assert {service.lookup(f"Kiev{begin}-{number}").status for number in range(requests)} == {200}
    return time.monotonic() - begin


def test_redis_that_is_full_or_refuses_the_password_or_is_none_fails_no_request(
    plain: NedService, starter: Path, tmp_path: Path
) -> None:
    full = ("--maxmemory", "1", "--maxmemory-policy", "noeviction", "--requirepass", "sesame")
    with RedisServer(tmp_path, *full) as server:
        for url, reason in [
            (server.url.replace("//", "//:sesame@"), "redis is full"),
            (server.url.replace("//", "//:wrong@"), "redis refuses the password"),
            (f"redis://127.0.0.1:{plain.port}", "redis does not speak the protocol of Redis"),
        ]:
            with with_redis(starter, tmp_path, url) as service:
                replies = [service.lookup("Kiev") for _ in range(5)]
                assert [(reply.status, reply.cache) for reply in replies] == [(200, "bypass")] * 5
                ready = service.get("/readyz")
                assert (ready.status, ready.json["status"]) == (200, "degraded")
                assert ready.json["cache"] == f"{reason}; answers are not cached"
                assert "sesame" not in service.log.read_text() + ready.body.decode()


def test_a_poisoned_answer_is_not_served(redis_server: RedisServer, starter: Path, tmp_path: Path) -> None:
    with with_redis(starter, tmp_path, redis_server.url) as service, redis_server.client as client:
        good = service.lookup("Kiev")
        (key,) = list(client.scan_iter("nedsvc:v1:lookup:*", count=1000, _type="string"))
        kept = client.get(key)
        assert isinstance(kept, bytes)
        for poison in (b'{"mention":"evil"}', kept[:-1], kept.replace(b"Kyiv", b"Evil"), b""):
            client.set(key, poison)
            again = service.lookup("Kiev")
            assert (again.cache, again.body) == ("miss", good.body)
            assert client.get(key) == kept


# Ending


def test_a_request_in_flight_is_answered_when_the_service_is_told_to_end(starter: Path, tmp_path: Path) -> None:
    body = b'{"text":"in Kiev"}'
    head = f"POST /v1/annotate HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    with NedService(starter, tmp_path) as service, ThreadPoolExecutor(1) as pool:
        with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
            connection.sendall(head.encode())
            assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue"), "a worker has it now"
            ending = pool.submit(service.stop)
            wait_until(lambda: "signal: term" in service.log.read_text(), 5)
            time.sleep(0.3)
            assert not ending.done()
            connection.sendall(body)
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")
        assert ending.result() == 0


def test_ending_is_quick_when_nothing_is_asked(starter: Path, tmp_path: Path) -> None:
    with NedService(starter, tmp_path, "--workers", "2") as service:
        begin = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - begin < 5
        assert "Traceback" not in service.log.read_text()


def test_a_worker_that_dies_is_replaced(redis_server: RedisServer, starter: Path, tmp_path: Path) -> None:
    with with_redis(starter, tmp_path, redis_server.url) as service:
        (worker,) = children(service.pid)
        os.kill(worker, 9)
        wait_until(lambda: worker not in children(service.pid) and children(service.pid), 10)
        assert service.lookup("Kiev").status == 200


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


# Starting


@pytest.mark.parametrize(
    ("options", "environment", "parts"),
    [
        (("--detector", "spacy", "--model", "no_such_model"), {}, ("no_such_model", "not installed")),
        ((), {"NEDSVC_MAX_TEXT": "many"}, ("NEDSVC_MAX_TEXT", "'many'")),
        ((), {"NEDSVC_MAX_TEXT": "0"}, ("NEDSVC_MAX_TEXT", "'0'")),
        ((), {"NEDSVC_REDIS_URL": "localhost:6379"}, ("NEDSVC_REDIS_URL", "redis://")),
        ((), {"NEDSVC_REDIS_URL": "redis://:sesame@host:port"}, ("NEDSVC_REDIS_URL", "redis://")),
        ((), {"NEDSVC_REDIS_URL": "redis://host?colour=red"}, ("NEDSVC_REDIS_URL", "redis://")),
    ],
)
def test_what_cannot_be_used_ends_the_start_with_one_sentence(
    starter: Path, tmp_path: Path, options: tuple[str, ...], environment: dict[str, str], parts: tuple[str, ...]
) -> None:
    assert ended(NedService(starter, tmp_path, *options, **environment), 2, *parts)


def test_a_missing_index_ends_the_start_with_what_to_do(tmp_path: Path) -> None:
    assert ended(NedService(tmp_path / "no", tmp_path), 2, "no", "nedsvc index build")


def test_a_port_in_use_ends_the_start_at_once(plain: NedService, starter: Path, tmp_path: Path) -> None:
    begin = time.monotonic()
    again = NedService(starter, tmp_path, "--port", str(plain.port))
    assert ended(again, 1, f"port {plain.port}", "in use")
    assert time.monotonic() - begin < 10


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid", "a..b"])
def test_an_address_that_is_not_ours_ends_the_start(starter: Path, tmp_path: Path, host: str) -> None:
    assert ended(NedService(starter, tmp_path, "--host", host), 1, "cannot listen on", host)


def ended(service: NedService, code: int, *parts: str) -> bool:
    """Whether it ended with this code and one sentence that has these parts."""
    done = service.run()
    sentence = done.stderr.strip()
    assert done.returncode == code, done.stderr
    assert "\n" not in sentence
    assert sentence.startswith("nedsvc: ")
    assert all(part in sentence for part in parts), sentence
    assert "sesame" not in sentence
    assert not done.stdout
    return True


def test_it_listens_on_ipv6(starter: Path, tmp_path: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return  # this machine has none
    service = NedService(starter, tmp_path, "--host", "::1")
    service.host = "::1"
    with service:
        assert service.get("/healthz").json == {"status": "ok"}
