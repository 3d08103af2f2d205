"""The service under load: its routes beside an empty one, what it asks of Redis, outages of Redis, memory, and SIGHUP.

    python benchmarks/service.py [--index DIR | --starter] [--rounds 5] [--seconds 3] [--part routes]

It starts `nedsvc serve` with two workers, once with Redis and once without, an empty Flask route under the same server
and with as many workers, and a Redis server of its own. Another process sends the load over 16 connections, each of
which sends the next request once the last is answered. The rounds are interleaved, so that whatever else the machine
does falls on all alike; figures are medians of the rounds. Cold answers are computed and kept in Redis: no request is
sent twice, and Redis is emptied before each round.
"""

import argparse
import random
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

import msgspec
import numpy as np
from common import chosen_index, index_parser, run, shared_folder
from load import Answer, Job, Loader, get, post
from processes import RedisServer, RoundTripCounter, WebServer, children, empty_route, service

from nedsvc.evaluation.report import aligned
from nedsvc.index.reader import Index

WORKERS = 2
EMPTY = "empty Flask route"
GOALS = {"lookup, cached in Redis": 0.7, "lookup, cached in process": 0.7, "lookup, uncached": 0.3}
WARM_UP_SECONDS = 1.0
WARM_NAMES = 200
BATCH_NAMES = 500
MOST_ROUND_TRIPS = 2
CONCURRENT = 200
BEFORE, AWAY, AFTER = 4.0, 5.0, 8.0
WORKER_COUNTS = (1, 2, 4)
TEXTS_A_WORKER = 16
RELOADS, BETWEEN, SETTLED = 20, 3.0, 3.0
REPORTED = (1, 5, 10, 15)


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Requests to one server. Cold ones are sent once each, after Redis was emptied; others again and again."""

    name: str
    server: WebServer
    requests: Sequence[bytes]
    cold: bool = False

    def job(self, seconds: float) -> Job:
        """The load for some seconds."""
        return Job(port=self.server.port, requests=self.requests, seconds=seconds, over_and_over=not self.cold)


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What a round shows: requests a second, milliseconds of waiting and of processors, the share of cache hits."""

    rate: float
    p50: float
    p99: float
    processor: float
    hits: float


class Material(msgspec.Struct, frozen=True):
    """What the requests are about: the names of the index and the seed article."""

    names: Sequence[str]
    article: str

    def lookups(self) -> list[bytes]:
        """A look-up of each name."""
        return [get(f"/v1/lookup?{urlencode({'mention': name})}") for name in self.names]

    def batches(self) -> list[bytes]:
        """Batches of look-ups that have no name in common."""
        starts = range(0, len(self.names) - BATCH_NAMES + 1, BATCH_NAMES)
        parts = [self.names[start : start + BATCH_NAMES] for start in starts]
        return [_post("/v1/lookup/batch", {"queries": [{"mention": name} for name in part]}) for part in parts]

    def annotations(self, count: int) -> list[bytes]:
        """The article, each time with another word behind it."""
        return [_post("/v1/annotate", {"text": f"{self.article}\nAnnex{number}"}) for number in range(count)]


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """What all parts measure with."""

    index: Path
    material: Material
    loader: Loader
    rounds: int
    seconds: float

    def once(self, server: WebServer, requests: Sequence[bytes], connections: int = 16) -> list[Answer]:
        """The answers to requests that are each sent once."""
        job = Job(port=server.port, requests=requests, seconds=300, connections=connections, over_and_over=False)
        return self.loader.run(job)


def read_material(index: Path) -> Material:
    """The names of the index's entities, in an order that says nothing, and the article."""
    opened = Index.open(index)
    entities = map(opened.entity, range(len(opened)))
    names = sorted({name for entity in entities for known in entity.names.values() for name in known})
    random.Random(4).shuffle(names)
    return Material(names, (shared_folder() / "seed" / "article.txt").read_text())


def _post(path: str, body: object) -> bytes:
    return post(path, msgspec.json.encode(body))


def measure_routes(bench: Bench) -> None:
    """Print how fast each route is beside the empty one."""
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer())
        shared = stack.enter_context(service(bench.index, WORKERS, redis.url))
        alone = stack.enter_context(service(bench.index, WORKERS))
        empty = stack.enter_context(empty_route(WORKERS))
        routes = _routes(bench.material, shared, alone, empty)
        for route in routes:
            _round(route, redis, bench.loader, WARM_UP_SECONDS)
        measured: dict[str, list[Figures]] = {route.name: [] for route in routes}
        for _ in range(bench.rounds):
            for route in routes:
                measured[route.name].append(_round(route, redis, bench.loader, bench.seconds))
    print(f"{WORKERS} workers, {bench.rounds} rounds of {bench.seconds:g} s, index {bench.index.name}")
    head = ("", "req/s, median", "range", "p50 ms", "p99 ms", "CPU ms", "hits", "ratio", "goal")
    print(aligned(head, _route_rows(measured)))


def _routes(material: Material, shared: WebServer, alone: WebServer, empty: WebServer) -> list[Route]:
    lookups, batches, annotations = material.lookups(), material.batches(), material.annotations(1000)
    return [
        Route(name=EMPTY, server=empty, requests=[get("/")]),
        Route(name="lookup, cached in Redis", server=shared, requests=lookups[:WARM_NAMES]),
        Route(name="lookup, cached in process", server=alone, requests=lookups[:WARM_NAMES]),
        Route(name="lookup, uncached", server=shared, requests=lookups, cold=True),
        Route(name="annotate, cached in Redis", server=shared, requests=annotations[:1]),
        Route(name="annotate, cached in process", server=alone, requests=annotations[:1]),
        Route(name="annotate, uncached", server=shared, requests=annotations, cold=True),
        Route(name=f"batch of {BATCH_NAMES}, warm", server=shared, requests=batches[:2]),
        Route(name=f"batch of {BATCH_NAMES}, cold", server=shared, requests=batches, cold=True),
    ]


def _round(route: Route, redis: RedisServer, loader: Loader, seconds: float) -> Figures:
    if route.cold:
        redis.client.flushall()
    else:
        loader.run(msgspec.structs.replace(route.job(seconds), over_and_over=False))
    before = route.server.processor_seconds()
    answers = loader.run(route.job(seconds))
    return figures(answers, route.server.processor_seconds() - before)


def figures(answers: Sequence[Answer], processor_seconds: float) -> Figures:
    """The figures of a round in which every request was answered."""
    failed = [answer.status for answer in answers if answer.failed]
    if failed:
        raise SystemExit(f"{len(failed)} of {len(answers)} requests failed, with status {failed[0]}")
    begin, end = min(answer.sent for answer in answers), max(answer.sent + answer.seconds for answer in answers)
    p50, p99 = percentiles(answers)
    hits = sum(answer.cache == "hit" for answer in answers)
    return Figures(
        rate=len(answers) / (end - begin),
        p50=p50,
        p99=p99,
        processor=processor_seconds * 1000 / len(answers),
        hits=hits / len(answers),
    )


def percentiles(answers: Iterable[Answer]) -> tuple[float, float]:
    """The 50th and the 99th percentile of the milliseconds that answers took."""
    p50, p99 = np.percentile([answer.seconds * 1000 for answer in answers], (50, 99))
    return float(p50), float(p99)


def _route_rows(measured: dict[str, list[Figures]]) -> Iterator[tuple[str, ...]]:
    empty = median(each.rate for each in measured[EMPTY])
    for name, rounds in measured.items():
        rates = [each.rate for each in rounds]
        yield (
            name,
            f"{median(rates):,.1f}",
            f"{min(rates):,.1f}-{max(rates):,.1f}",
            f"{median(each.p50 for each in rounds):,.1f}",
            f"{median(each.p99 for each in rounds):,.1f}",
            f"{median(each.processor for each in rounds):,.2f}",
            f"{median(each.hits for each in rounds):.0%}",
            f"{median(rates) / empty:.3f}",
            f"{GOALS[name]:.1f}" if name in GOALS else "",
        )


def measure_round_trips(bench: Bench) -> None:
    """Print how often a request makes the service wait for Redis."""
    requests = {
        "lookup": bench.material.lookups()[-2:],
        "annotate": bench.material.annotations(2),
        f"batch of {BATCH_NAMES}": bench.material.batches(),
    }
    with RedisServer() as redis:
        counter = RoundTripCounter(redis.port)
        with service(bench.index, 1, counter.url, "gazetteer") as shared:

            def count(request: bytes) -> str:
                before = counter.count
                bench.once(shared, [request])
                return str(counter.count - before)

            bench.once(shared, [first for first, *_ in requests.values()], connections=1)  # opens connections
            rows = [
                (name, count(other), count(other), str(MOST_ROUND_TRIPS)) for name, (_, other, *_) in requests.items()
            ]
    print(aligned(("round trips to Redis a request", "cold", "warm", "goal: at most"), rows))


def measure_concurrent(bench: Bench) -> None:
    """Print how often one text is annotated that many clients send at once."""
    with RedisServer() as redis, service(bench.index, WORKERS, redis.url) as shared:
        answers = bench.once(shared, bench.material.annotations(1) * CONCURRENT, CONCURRENT)
    failed, computed = sum(answer.failed for answer in answers), sum(answer.cache == "miss" for answer in answers)
    print(f"{len(answers)} concurrent requests for one text: {failed} failed, computed {computed} times (goal: 1)")


class Fault(msgspec.Struct, frozen=True):
    """A way in which Redis goes away, and how it comes back."""

    name: str
    begin: Callable[[RedisServer], None]
    end: Callable[[RedisServer], None]


FAULTS = (
    Fault("killed", lambda redis: redis.stop(signal.SIGKILL), RedisServer.begin),
    Fault("hanging", lambda redis: redis.send(signal.SIGSTOP), lambda redis: redis.send(signal.SIGCONT)),
)


def measure_outages(bench: Bench) -> None:
    """Print what clients see of it when Redis goes away and comes back during load."""
    head = ("Redis", "requests", "failed", "p50 ms", "p99 ms", "longest ms", "hit or kept")
    print(aligned(head, [row for fault in FAULTS for row in _outage(fault, bench)]))


def _outage(fault: Fault, bench: Bench) -> Iterator[tuple[str, ...]]:
    with RedisServer() as redis, service(bench.index, WORKERS, redis.url) as shared:
        requests = bench.material.lookups()[:1000]
        bench.once(shared, requests)
        doing = bench.loader.start(Job(port=shared.port, requests=requests, seconds=BEFORE + AWAY + AFTER))
        time.sleep(BEFORE)
        away = time.monotonic()
        fault.begin(redis)
        time.sleep(AWAY)
        back = time.monotonic()
        fault.end(redis)
        answers = doing.result()
    yield _phase("before", [answer for answer in answers if answer.sent < away])
    yield _phase(fault.name, [answer for answer in answers if away <= answer.sent < back])
    yield _phase("after", [answer for answer in answers if back <= answer.sent])
    last = max(answer.sent + answer.seconds for answer in answers if answer.cache == "bypass")
    yield f"used by all again after {last - back:.1f} s", "", "", "", "", "", ""


def _phase(name: str, answers: Sequence[Answer]) -> tuple[str, ...]:
    p50, p99 = percentiles(answers)
    longest = max(answer.seconds for answer in answers) * 1000
    kept = sum(answer.cache in {"hit", "miss"} for answer in answers) / len(answers)
    failed = sum(answer.failed for answer in answers)
    return name, f"{len(answers):,}", str(failed), f"{p50:,.1f}", f"{p99:,.1f}", f"{longest:,.0f}", f"{kept:.0%}"


def measure_memory(bench: Bench) -> None:
    """Print what the service takes with so many workers, after each has annotated texts."""
    taken = {count: _memory(count, bench) for count in WORKER_COUNTS}
    first, last = WORKER_COUNTS[0], WORKER_COUNTS[-1]
    further = (taken[last] - taken[first]) / (last - first)
    print(aligned(("workers", "MB (PSS)"), [(str(count), f"{megabytes:,.0f}") for count, megabytes in taken.items()]))
    print(f"each further worker: {further:,.0f} MB")


def _memory(workers: int, bench: Bench) -> float:
    with service(bench.index, workers) as server:
        texts = bench.material.annotations(workers * TEXTS_A_WORKER)
        bench.once(server, texts, connections=len(texts))
        return server.memory()


def measure_reloads(bench: Bench) -> None:
    """Print what clients see of one SIGHUP after the other under load, and the memory once the old workers are gone."""
    with service(bench.index, WORKERS) as server:
        requests = bench.material.lookups()[:WARM_NAMES]
        bench.once(server, requests)
        bench.once(server, bench.material.annotations(TEXTS_A_WORKER))
        taken = {0: server.memory()}
        quiet, loaded = _waits(bench, server, requests, 0, taken), _waits(bench, server, requests, RELOADS, taken)
        time.sleep(SETTLED)
        taken[RELOADS] = server.memory()
    head = ("SIGHUP", "requests", "failed", "p50 ms", "p99 ms", "longest ms", "hit or kept")
    print(aligned(head, [_phase("none", quiet), _phase(f"{RELOADS} times", loaded)]))
    print(aligned(("after SIGHUPs", "MB (PSS)"), [(str(count), f"{size:,.0f}") for count, size in taken.items()]))


def _waits(
    bench: Bench, server: WebServer, requests: Sequence[bytes], reloads: int, taken: dict[int, float]
) -> list[Answer]:
    """The answers while the service is reloaded so often, or for as long as that takes without it."""
    doing = bench.loader.start(Job(port=server.port, requests=requests, seconds=max(5.0, reloads * BETWEEN)))
    for number in range(1, reloads + 1):
        before = set(children(server.pid))
        server.send(signal.SIGHUP)
        while before & set(children(server.pid)):
            time.sleep(0.05)
        if number in REPORTED:
            taken[number] = server.memory()
    return doing.result()


PARTS: dict[str, Callable[[Bench], None]] = {
    "routes": measure_routes,
    "round-trips": measure_round_trips,
    "concurrent": measure_concurrent,
    "outages": measure_outages,
    "memory": measure_memory,
    "reloads": measure_reloads,
}


def parse() -> argparse.Namespace:
    """The command line."""
    parser = index_parser((__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each route (default: 5)")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of a measurement (default: 3)")
    parser.add_argument("--part", choices=PARTS, action="append", help="measure this part alone; may be repeated")
    return parser.parse_args()


def main() -> None:
    """Measure all parts, or those that are asked for."""
    arguments = parse()
    index = chosen_index(arguments)
    with Loader() as loader:
        bench = Bench(
            index=index,
            material=read_material(index),
            loader=loader,
            rounds=arguments.rounds,
            seconds=arguments.seconds,
        )
        for part in arguments.part or PARTS:
            PARTS[part](bench)
            print(flush=True)


if __name__ == "__main__":
    run(main)
