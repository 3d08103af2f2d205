"""The caches: what is kept and for how long, one computation a key, and every way in which Redis can fail."""

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event, Lock
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers import CountingProxy, RedisServer, impostor, wait_until

from nedsvc.cache import ANNOTATION, LOOKUP, Cache, Entry, Kind
from nedsvc.cache.breaker import Breaker
from nedsvc.cache.client import FAILURES_UNTIL_OPEN, LEFT_ALONE
from nedsvc.cache.memory import MemoryCache
from nedsvc.cache.redis import ANSWER_WITHIN, RedisCache
from nedsvc.errors import InvalidInput

DAY = 86_400.0
SPAWN = multiprocessing.get_context("spawn")


class Computation:
    """Gives an answer after a while and counts how often it was asked for it."""

    def __init__(self, body: bytes = b'{"a":1}', takes: float = 0.0, seconds: float = 60.0) -> None:
        self.times = 0
        self._entry = Entry(body, seconds)
        self._takes = takes
        self._lock = Lock()

    def __call__(self) -> Entry:
        with self._lock:
            self.times += 1
        time.sleep(self._takes)
        return self._entry


class Clock:
    """A time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["memory", "redis"])
def cache(request: pytest.FixtureRequest) -> Cache:
    """Either cache: they keep the same promises."""
    if request.param == "memory":
        return MemoryCache()
    return RedisCache(request.getfixturevalue("redis_server").url)


# What both promise


def test_an_answer_is_computed_once_and_then_kept_byte_for_byte(cache: Cache) -> None:
    compute = Computation(b"\x00\xff\r\n{}")
    answers = [cache.get_or_compute("key", compute) for _ in range(3)]
    assert answers == [(b"\x00\xff\r\n{}", "miss"), (b"\x00\xff\r\n{}", "hit"), (b"\x00\xff\r\n{}", "hit")]
    assert compute.times == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(bodies=st.dictionaries(st.text(max_size=20), st.binary(max_size=200), max_size=5))
def test_many_answers_are_kept_in_the_order_they_are_asked_for(cache: Cache, bodies: dict[str, bytes]) -> None:
    keys = [f"many:{key.encode('utf-8', 'surrogatepass').hex()}" for key in bodies]
    cache.set_many({key: Entry(body, 60) for key, body in zip(keys, bodies.values(), strict=True)})
    assert cache.get_many(keys) == (list(bodies.values()), "hit")
    assert cache.get_many([*keys, "absent", *keys]) == ([*bodies.values(), None, *bodies.values()], "miss")


def test_single_and_many_share_their_keys(cache: Cache) -> None:
    cache.set_many({"key": Entry(b"kept", 60)})
    assert cache.get_or_compute("key", Computation()) == (b"kept", "hit")
    cache.get_or_compute("other", Computation(b"computed"))
    assert cache.get_many(["key", "other"]) == ([b"kept", b"computed"], "hit")


def test_sixty_threads_that_ask_for_one_key_compute_it_once(cache: Cache) -> None:
    compute, together = Computation(takes=0.2), Barrier(60)

    def ask() -> tuple[bytes, str]:
        together.wait()
        return cache.get_or_compute("key", compute)

    with ThreadPoolExecutor(60) as pool:
        answers = [future.result() for future in [pool.submit(ask) for _ in range(60)]]
    assert compute.times == 1
    assert sorted(outcome for _, outcome in answers) == ["hit"] * 59 + ["miss"]
    assert {body for body, _ in answers} == {b'{"a":1}'}


def test_an_error_of_the_computation_reaches_all_who_wait_and_is_not_kept(cache: Cache) -> None:
    together = Barrier(10)
    started = Event()

    def fail() -> Entry:
        started.set()
        time.sleep(0.2)
        raise InvalidInput("text", "is empty")

    def ask() -> tuple[bytes, str]:
        together.wait()
        return cache.get_or_compute("key", fail)

    with ThreadPoolExecutor(10) as pool:
        futures = [pool.submit(ask) for _ in range(10)]
    assert all(isinstance(future.exception(), InvalidInput) for future in futures)
    begin = time.monotonic()
    assert cache.get_or_compute("key", Computation()) == (b'{"a":1}', "miss")
    assert time.monotonic() - begin < 0.5, "the failed flight was not released"


def test_keys_that_are_asked_for_at_the_same_time_do_not_wait_for_each_other(cache: Cache) -> None:
    slow, fast = Computation(takes=1.5), Computation()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(cache.get_or_compute, "slow", slow)
        begin = time.monotonic()
        for number in range(20):
            cache.get_or_compute(f"fast {number}", fast)
        assert time.monotonic() - begin < 1
        assert not waiting.done()


def test_nothing_asked_is_nothing_found(cache: Cache) -> None:
    cache.set_many({})
    assert cache.get_many([]) == ([], "hit")


# Keys and lifetimes


def test_keys_carry_version_kind_and_index_and_a_digest_of_the_request() -> None:
    version = LOOKUP.key("starter-1", ("Kyiv", None, 5)).split(":")
    assert version[:4] == ["nedsvc", "v1", "lookup", "starter-1"]
    assert len(version[4]) == 32


def test_another_kind_index_or_request_is_another_key() -> None:
    requests = [("a", "bc"), ("ab", "c"), ("abc",), ("a", "bc", None), ("a", ("bc",)), ("a", 1), ("a", 1.5)]
    keys = {kind.key(index, one) for kind in (LOOKUP, ANNOTATION) for index in ("i", "j") for one in requests}
    assert len(keys) == 2 * 2 * len(requests)


@pytest.mark.parametrize(
    ("kind", "known", "seconds"),
    [(LOOKUP, True, 7 * DAY), (ANNOTATION, True, DAY), (LOOKUP, False, 600.0), (ANNOTATION, False, 600.0)],
)
def test_lifetimes_differ_a_little_and_are_short_for_nil(kind: Kind, known: bool, seconds: float) -> None:
    lifetimes = [kind.lifetime(known=known) for _ in range(500)]
    assert all(0.9 * seconds <= one <= 1.1 * seconds for one in lifetimes)
    assert max(lifetimes) - min(lifetimes) > 0.1 * seconds


# In memory


def test_the_least_recently_used_answers_go_first() -> None:
    cache = MemoryCache(most_bytes=3 * 1000)
    for name in ("a", "b"):
        cache.set_many({name: Entry(bytes(1000), 60)})
    cache.get_many(["a"])
    cache.set_many({"c": Entry(bytes(1000), 60)})
    bodies, _ = cache.get_many(["a", "b", "c"])
    assert [body is not None for body in bodies] == [True, False, True]


def test_an_answer_ends_with_its_lifetime() -> None:
    clock = Clock()
    cache = MemoryCache(timer=clock)
    cache.set_many({"short": Entry(b"1", 10), "long": Entry(b"2", 100)})
    clock.now = 9.9
    assert cache.get_many(["short", "long"]) == ([b"1", b"2"], "hit")
    clock.now = 10.1
    assert cache.get_many(["short", "long"]) == ([None, b"2"], "miss")
    clock.now = 100.1
    assert cache.get_or_compute("long", Computation(b"3")) == (b"3", "miss")


def test_an_answer_larger_than_the_cache_is_given_and_not_kept() -> None:
    cache = MemoryCache(most_bytes=1000)
    cache.set_many({"small": Entry(b"kept", 60)})
    large = Computation(bytes(2000))
    assert [cache.get_or_compute("large", large) for _ in range(2)] == [(bytes(2000), "miss")] * 2
    assert cache.get_many(["small"]) == ([b"kept"], "hit")


def test_memory_is_always_in_order() -> None:
    assert MemoryCache().state() == "memory"


# The breaker


def test_a_server_that_fails_is_left_alone_and_then_tried_by_one() -> None:
    clock = Clock()
    breaker = Breaker(failures=3, pause=2, timer=clock)
    for _ in range(3):
        assert breaker.lets_through()
        breaker.failed()
    assert not breaker.lets_through()
    clock.now = 2.0
    assert [breaker.lets_through() for _ in range(3)] == [True, False, False]
    breaker.failed()
    clock.now = 3.9
    assert not breaker.lets_through()
    clock.now = 4.0
    assert breaker.lets_through()
    breaker.succeeded()
    assert all(breaker.lets_through() for _ in range(3))


def test_failures_count_only_in_a_row() -> None:
    breaker = Breaker(failures=3, pause=2, timer=Clock())
    for _ in range(5):
        breaker.failed()
        breaker.failed()
        breaker.succeeded()
    assert breaker.lets_through()


def test_a_trial_that_never_ends_does_not_shut_the_server_out() -> None:
    clock = Clock()
    breaker = Breaker(failures=1, pause=2, timer=clock)
    breaker.failed()
    clock.now = 2.0
    assert breaker.lets_through()
    clock.now = 4.0
    assert breaker.lets_through()


# In Redis


def test_lifetimes_reach_the_server(redis_server: RedisServer) -> None:
    cache = RedisCache(redis_server.url)
    cache.set_many({"many": Entry(b"1", 60)})
    cache.get_or_compute("single", Computation(seconds=60))
    with redis_server.client as client:
        assert 59 < cast("int", client.pttl("many")) / 1000 <= 60
        assert 59 < cast("int", client.pttl("single")) / 1000 <= 60


def test_no_key_stays_without_a_lifetime(redis_server: RedisServer) -> None:
    """Nothing of a flight is left behind, not even where others waited for it."""
    caches = [RedisCache(redis_server.url) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda cache: cache.get_or_compute("key", Computation(takes=0.3)), caches))
    with redis_server.client as client:
        lifetimes = {key: cast("int", client.pttl(key)) for key in cast("list[bytes]", client.keys())}
    assert set(lifetimes) <= {b"key", b"key:landed"}
    assert all(lifetime > 0 for lifetime in lifetimes.values()), lifetimes


def test_values_begin_with_their_version(redis_server: RedisServer) -> None:
    RedisCache(redis_server.url).get_or_compute("key", Computation(b"body"))
    with redis_server.client as client:
        value = cast("bytes", client.get("key"))
    assert (value[:1], value[5:]) == (b"\x01", b"body")


def damaged(value: bytes) -> Iterator[bytes]:
    """The value cut off, with another version, with a bit that fell over, and what others may have put there."""
    yield from (value[:length] for length in (0, 1, 4, 5, len(value) - 1))
    yield b"\x02" + value[1:]
    yield from (value[:place] + bytes([value[place] ^ 1]) + value[place + 1 :] for place in range(len(value)))
    yield from (b"1", b"0", b"OK", b'{"a":1}', b"\x80\x04K\x01.", value + b"\x00")


def test_a_damaged_or_foreign_value_is_a_miss_and_is_replaced(redis_server: RedisServer) -> None:
    cache = RedisCache(redis_server.url)
    cache.get_or_compute("key", Computation())
    with redis_server.client as client:
        sound = cast("bytes", client.get("key"))
        for value in damaged(sound):
            client.set("key", value)
            assert cache.get_many(["key"]) == ([None], "miss"), value
            assert cache.get_or_compute("key", Computation()) == (b'{"a":1}', "miss"), value
            assert client.get("key") == sound, value


def test_a_value_of_another_kind_is_a_miss_and_is_replaced(redis_server: RedisServer) -> None:
    cache = RedisCache(redis_server.url)
    with redis_server.client as client:
        for key in ("single", "many"):
            client.rpush(key, "foreign")
        assert cache.get_many(["many"]) == ([None], "miss")
        cache.set_many({"many": Entry(b"1", 60)})
        assert cache.get_or_compute("single", Computation()) == (b'{"a":1}', "miss")
        assert cache.get_many(["many", "single"]) == ([b"1", b'{"a":1}'], "hit")


def test_a_poisoned_key_is_computed_once_all_the_same(redis_server: RedisServer) -> None:
    compute = Computation(takes=0.3)
    caches = [RedisCache(redis_server.url) for _ in range(5)]
    with redis_server.client as client:
        client.set("key", b"\x01poison")
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda cache: cache.get_or_compute("key", compute), caches))
    assert compute.times == 1
    assert sorted(answers) == [(b'{"a":1}', "hit")] * 4 + [(b'{"a":1}', "miss")]


@pytest.mark.parametrize("state", ["cold", "warm"])
def test_an_answer_takes_at_most_two_round_trips(redis_server: RedisServer, state: str) -> None:
    with CountingProxy(redis_server) as proxy:
        cache = RedisCache(proxy.url)
        cache.get_or_compute("first" if state == "cold" else "key", Computation())  # connects
        before = proxy.trips
        cache.get_or_compute("key", Computation())
        assert proxy.trips - before == (2 if state == "cold" else 1)


def test_many_answers_take_one_round_trip_each_way(redis_server: RedisServer) -> None:
    with CountingProxy(redis_server) as proxy:
        cache = RedisCache(proxy.url)
        keys = [f"key {number}" for number in range(500)]
        cache.get_many(["first"])  # connects
        before = proxy.trips
        cache.get_many(keys)
        assert proxy.trips - before == 1
        cache.set_many({key: Entry(b"body", 60) for key in keys})
        assert proxy.trips - before == 2
        assert cache.get_many(keys) == ([b"body"] * 500, "hit")
        assert proxy.trips - before == 3
    assert {name: redis_server.commands()[name] for name in ("mget", "set")} == {"mget": 3, "set": 500}


# Several processes


def ask_from_threads(url: str, log: str, threads: int) -> None:
    """In a process of its own: many threads ask for one key, and each computation is a line in the log."""
    cache = RedisCache(url)

    def compute() -> Entry:
        note(log, "computed")
        time.sleep(0.5)
        return Entry(b"body", 60)

    def ask(_: int) -> None:
        body, outcome = cache.get_or_compute("key", compute)
        note(log, f"{body.decode()} {outcome}")

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(ask, range(threads)))


def claim_and_hang(url: str, log: str) -> None:
    """In a process of its own: begins to compute and never ends."""

    def compute() -> Entry:
        note(log, "computing")
        time.sleep(60)
        return Entry(b"never", 60)

    RedisCache(url, flight=2).get_or_compute("key", compute)


def note(log: str, line: str) -> None:
    with Path(log).open("a") as file:
        file.write(f"{line}\n")


def test_three_processes_that_ask_for_one_key_compute_it_once(redis_server: RedisServer, tmp_path: Path) -> None:
    log = tmp_path / "log"
    processes = [SPAWN.Process(target=ask_from_threads, args=(redis_server.url, str(log), 20)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    lines = log.read_text().splitlines()
    assert {line: lines.count(line) for line in set(lines)} == {"computed": 1, "body miss": 1, "body hit": 59}


def test_a_process_killed_while_it_computes_holds_others_up_for_no_longer_than_a_flight(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    process = SPAWN.Process(target=claim_and_hang, args=(redis_server.url, str(log)))
    process.start()
    wait_until(log.exists, 20)
    process.kill()
    process.join(10)
    begin = time.monotonic()
    assert RedisCache(redis_server.url, flight=2).get_or_compute("key", Computation()) == (b'{"a":1}', "miss")
    assert time.monotonic() - begin < 2 + 1 + ANSWER_WITHIN


def test_a_flight_that_takes_too_long_does_not_end_the_next_one(redis_server: RedisServer) -> None:
    late, compute = Computation(b"late", takes=1.5), Computation(b"second", takes=1)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(RedisCache(redis_server.url, flight=1).get_or_compute, "key", late)
        time.sleep(0.1)
        second = pool.submit(RedisCache(redis_server.url, flight=1).get_or_compute, "key", compute)
        assert first.result() == (b"late", "miss")
        assert second.result()[0] in {b"late", b"second"}
    assert late.times == 1
    assert compute.times <= 1


# A Redis that fails


def served(cache: RedisCache, requests: int = 10) -> float:
    """Asks for keys that are not kept; all must be computed. Gives the seconds of all together."""
    begin = time.monotonic()
    for number in range(requests):
        key = f"{begin} {number}"
        assert cache.get_or_compute(key, Computation()) == (b'{"a":1}', "bypass")
        assert cache.get_many([key]) == ([None], "bypass")
        cache.set_many({key: Entry(b"1", 60)})
    return time.monotonic() - begin


def test_without_a_server_answers_are_computed_and_it_is_used_once_it_is_there(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    cache = RedisCache(server.url)
    assert cache.state() == "redis cannot be reached; answers are not cached"
    assert served(cache) < 1
    with server:
        assert wait_until(lambda: cache.get_or_compute("key", Computation())[1] == "hit", 10) < 5
        assert cache.state() == "redis"


def test_a_server_killed_and_started_again_is_used_again(own_redis: RedisServer) -> None:
    cache = RedisCache(own_redis.url)
    cache.get_or_compute("key", Computation())
    own_redis.kill()
    assert served(cache) < 1
    assert cache.state() == "redis cannot be reached; answers are not cached"
    own_redis.start()
    assert wait_until(lambda: cache.get_or_compute("key", Computation())[1] == "hit", 10) < 5


def test_a_server_killed_in_a_flight_costs_nobody_an_answer(own_redis: RedisServer) -> None:
    first, second = RedisCache(own_redis.url), RedisCache(own_redis.url)
    compute = Computation(takes=0.8)
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(first.get_or_compute, "key", compute)]
        time.sleep(0.1)
        answers.append(pool.submit(second.get_or_compute, "key", compute))
        time.sleep(0.1)
        own_redis.kill()
    assert [answer.result() for answer in answers] == [(b'{"a":1}', "miss"), (b'{"a":1}', "bypass")]


def test_a_server_that_hangs_slows_a_few_answers_and_then_none(own_redis: RedisServer) -> None:
    cache = RedisCache(own_redis.url)
    cache.get_or_compute("key", Computation())
    with own_redis.halted():
        assert served(cache, 2) < FAILURES_UNTIL_OPEN * ANSWER_WITHIN + 0.5
        assert served(cache, 50) < 0.5
        assert cache.state() == "redis does not answer in time; answers are not cached"
        time.sleep(LEFT_ALONE)
        assert ANSWER_WITHIN < served(cache, 50) < ANSWER_WITHIN + 1, "one trial"
    assert wait_until(lambda: cache.get_or_compute("key", Computation())[1] == "hit", 10) < 5


def test_threads_do_not_wait_for_each_others_turn_at_a_server_that_hangs(own_redis: RedisServer) -> None:
    cache = RedisCache(own_redis.url)
    cache.get_or_compute("key", Computation())
    with own_redis.halted(), ThreadPoolExecutor(8) as pool:
        begin = time.monotonic()
        list(pool.map(lambda number: cache.get_or_compute(f"{number}", Computation()), range(8)))
        assert time.monotonic() - begin < 2 * ANSWER_WITHIN


def test_waiting_for_a_flight_holds_up_no_other_key(redis_server: RedisServer) -> None:
    cache, other = RedisCache(redis_server.url), RedisCache(redis_server.url)
    cache.get_or_compute("kept", Computation())
    with ThreadPoolExecutor(2) as pool:
        flying = pool.submit(other.get_or_compute, "slow", Computation(takes=1.2))
        time.sleep(0.1)
        waiting = pool.submit(cache.get_or_compute, "slow", Computation())
        time.sleep(0.1)
        begin = time.monotonic()
        assert cache.get_or_compute("kept", Computation())[1] == "hit"
        assert time.monotonic() - begin < 0.5
        assert not flying.done()
    assert waiting.result()[1] == "hit"


def test_a_full_server_is_done_without(tmp_path: Path) -> None:
    with RedisServer(tmp_path, "--maxmemory", "1", "--maxmemory-policy", "noeviction") as server:
        cache = RedisCache(server.url)
        assert cache.get_or_compute("key", Computation()) == (b'{"a":1}', "bypass")
        cache.set_many({"key": Entry(b"1", 60)})
        assert cache.state() == "redis is full; answers are not cached"
        with server.client as client:
            client.config_resetstat()
            served(cache, 200)
            assert server.commands().get("eval", 0) <= FAILURES_UNTIL_OPEN
            client.config_set("maxmemory", "0")
        assert wait_until(lambda: cache.get_or_compute("key", Computation())[1] == "hit", 10) < 5


def test_a_wrong_password_is_done_without(tmp_path: Path) -> None:
    with RedisServer(tmp_path, "--requirepass", "sesame") as server:
        for url in (server.url, server.url.replace("//", "//:wrong@")):
            cache = RedisCache(url)
            assert served(cache) < 1
            assert cache.state() == "redis refuses the password; answers are not cached"
        right = RedisCache(server.url.replace("//", "//:sesame@"))
        assert right.get_or_compute("key", Computation())[1] == "miss"
        assert right.state() == "redis"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"220 mail.example ESMTP\r\n",
        b"-ERR unknown command\r\n",
        b"\x15\x03\x01\x00\x02\x02\x0a\r\n",
        b"\r\n\r\n",
        b"$5\r\n\xff\r\n",
        b"*-5\r\n",
        b":not a number\r\n",
        b"-\xff\xfe\r\n",
        b"$-1\r\n",
        b"+OK\r\n",
        b":0\r\n",
        b"*0\r\n",
    ],
)
def test_a_server_that_is_no_redis_is_done_without(answer: bytes) -> None:
    with impostor(answer) as url:
        cache = RedisCache(url, flight=1)
        body, _ = cache.get_or_compute("key", Computation())
        assert body == b'{"a":1}'
        bodies, _ = cache.get_many(["one", "two"])
        assert bodies == [None, None]
        cache.set_many({"key": Entry(b"1", 60)})
        assert isinstance(cache.state(), str)


@pytest.mark.parametrize(
    "url",
    ["localhost", "http://localhost:6379", "redis://h:port", "redis://h:99999", "redis://[::1", "redis://h?colour=red"],
)
def test_an_address_that_cannot_be_used_is_refused_at_once(url: str) -> None:
    with pytest.raises(InvalidInput, match="NEDSVC_REDIS_URL: is no address of a Redis server"):
        RedisCache(url)


def test_a_refused_address_does_not_show_the_password() -> None:
    with pytest.raises(InvalidInput) as refusal:
        RedisCache("redis://user:se#same@host:6379")
    assert "se" not in str(refusal.value).replace("Redis server", "")


def test_a_host_without_an_address_is_done_without() -> None:
    assert served(RedisCache("redis://no-such-host.invalid:6379"), 3) < 5
    assert served(RedisCache(f"redis://{'a' * 70}:6379"), 3) < 5
