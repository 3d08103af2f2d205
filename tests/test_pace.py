"""The pace: one budget for all processes, that no minute at the server ever sees exceeded."""

import multiprocessing
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers import RedisServer

from nedsvc.errors import InvalidInput
from nedsvc.pace import LONGEST_PAUSE, Limits, NoPermit, Pace, Permit, Wait, nap, permitted
from nedsvc.pace.lockfile import LockFilePace
from nedsvc.pace.redis import RedisPace

LIMITS = Limits(a_minute=12, in_flight=3, lease=5.0, window=0.6)
Maker = Callable[[Limits], Pace]


@pytest.fixture(params=["redis", "lockfile"])
def make(request: pytest.FixtureRequest, tmp_path: Path, redis_server: RedisServer) -> Maker:
    """Makes paces that share one budget."""
    return lambda limits: made(request.param, str(tmp_path), redis_server.url, limits)


def made(kind: str, folder: str, url: str, limits: Limits) -> Pace:
    of_machine = LockFilePace(Path(folder), "wikibase.example:8080", limits)
    return RedisPace(url, "wikibase.example", limits, of_machine) if kind == "redis" else of_machine


def permit(pace: Pace) -> Permit:
    answer = pace.ask()
    assert isinstance(answer, Permit), answer
    return answer


def reason(pace: Pace) -> str:
    answer = pace.ask()
    assert isinstance(answer, Wait)
    assert answer.seconds > 0
    return answer.reason


def soon(seconds: float = 10.0) -> float:
    return time.monotonic() + seconds


def test_no_more_than_so_many_requests_are_in_flight(make: Maker) -> None:
    first, second = make(LIMITS), make(LIMITS)
    held = [permit(first), permit(second), permit(first)]
    assert "3 requests are in flight" in reason(second)
    first.give_back(held[0])
    permit(second)


def test_a_token_comes_back_a_minute_after_its_request_has_ended(make: Maker) -> None:
    pace = make(Limits(a_minute=1, window=0.3))
    one = permit(pace)
    time.sleep(0.4)
    assert "budget of 1 requests a minute" in reason(pace)
    pace.give_back(one)
    assert "budget" in reason(pace)
    time.sleep(0.35)
    permit(pace)


def test_the_request_of_a_process_that_died_ends_with_its_lease(make: Maker) -> None:
    pace = make(Limits(in_flight=1, lease=0.3, window=0.1))
    permit(pace)
    assert "in flight" in reason(pace)
    time.sleep(0.35)
    permit(make(Limits(in_flight=1, lease=0.3, window=0.1)))


def test_a_pause_holds_for_all_and_a_longer_one_stays(make: Maker) -> None:
    pace, other = make(LIMITS), make(LIMITS)
    pace.pause(0.5)
    other.pause(0.1)
    time.sleep(0.2)
    assert "asked to be left alone" in reason(other)
    time.sleep(0.4)
    permit(other)


def test_no_pause_is_longer_than_an_hour(make: Maker) -> None:
    pace = make(LIMITS)
    pace.pause(1e9)
    answer = pace.ask()
    assert isinstance(answer, Wait)
    assert answer.seconds <= LONGEST_PAUSE


def test_whoever_cannot_have_leave_in_time_is_told_at_once_and_why(make: Maker) -> None:
    pace = make(LIMITS)
    pace.pause(100.0)
    with pytest.raises(NoPermit, match="left alone for another"), permitted(pace, soon(5.0)):
        pytest.fail("there is no leave")


@given(st.floats(0.001, 3600), st.floats(0, 100))
def test_nobody_sleeps_past_the_time_that_they_have(seconds: float, spare: float) -> None:
    """However the wait is drawn out so that not all wake at once."""
    assert seconds <= nap(seconds, seconds + spare) <= seconds + spare


def test_a_request_under_way_may_end_before_its_lease(make: Maker) -> None:
    """So nobody is told to wait for longer than a minute on its account."""
    limits = Limits(a_minute=1, in_flight=2, lease=50.0, window=5.0)
    permit(make(limits))
    answer = make(limits).ask()
    assert isinstance(answer, Wait)
    assert answer.seconds <= limits.window


def test_leave_is_waited_for_and_given_back(make: Maker) -> None:
    pace = make(Limits(in_flight=1))
    held = permit(pace)
    giving = threading.Timer(0.2, pace.give_back, [held])
    giving.start()
    with permitted(pace, soon()):
        assert "in flight" in reason(pace)
    giving.join()
    permit(pace)


def hammer(kind: str, folder: str, url: str, ready: Any, done: Any) -> None:
    """Sends requests as fast as it may; notes when each is under way, on a clock that all processes share."""
    pace = made(kind, folder, url, LIMITS)
    spans = []
    ready.wait(60)
    end = time.time() + 4 * LIMITS.window
    while time.time() < end:
        try:
            with permitted(pace, soon(0.2)):
                begin = time.time()
                time.sleep(0.01)
                spans.append((begin, time.time()))
        except NoPermit:
            time.sleep(0.02)
    done.put(spans)


@pytest.mark.parametrize("kind", ["redis", "lockfile"])
def test_four_processes_keep_to_one_budget(kind: str, tmp_path: Path, redis_server: RedisServer) -> None:
    context = multiprocessing.get_context("spawn")
    done = context.Queue()
    arguments = (kind, str(tmp_path), redis_server.url, context.Barrier(4), done)
    processes = [context.Process(target=hammer, args=arguments) for _ in range(4)]
    for process in processes:
        process.start()
    spans = sorted(span for _ in processes for span in done.get(timeout=60))
    for process in processes:
        process.join()
    assert len(spans) > LIMITS.a_minute  # more than one minute's budget was used
    for begin, _ in spans:
        assert sum(begin <= other < begin + LIMITS.window for other, _ in spans) <= LIMITS.a_minute
        assert sum(other <= begin < end for other, end in spans) <= LIMITS.in_flight


@given(st.lists(st.tuples(st.floats(0, 30), st.floats(0, 30), st.floats(0, 30)), max_size=60), st.integers(1, 5))
def test_no_minute_at_the_server_sees_more_requests_than_tokens(
    requests: list[tuple[float, float, float]], tokens: int
) -> None:
    """Each request waits for its token, travels, and takes its time, in the order in which they are let through."""
    back: list[float] = []
    arrivals = []
    now = 0.0
    for pause, travels, takes in requests:
        now += pause
        if len(back) == tokens:
            back.sort()
            now = max(now, back.pop(0))
        arrivals.append(now + travels)
        back.append(now + travels + takes + 60.0)
    for begin in arrivals:
        assert sum(begin <= other < begin + 60.0 for other in arrivals) <= tokens


def test_a_redis_that_dies_and_comes_back_leaves_the_machine_one_budget(tmp_path: Path, own_redis: RedisServer) -> None:
    pace = made("redis", str(tmp_path), own_redis.url, Limits(in_flight=1))
    held = permit(pace)
    own_redis.kill()
    assert "in flight" in reason(pace)
    pace.give_back(held)
    held = permit(pace)
    own_redis.start()
    assert "in flight" in reason(pace)
    pace.give_back(held)
    permit(pace)


def test_a_pause_outlives_redis(tmp_path: Path, own_redis: RedisServer) -> None:
    pace = made("redis", str(tmp_path), own_redis.url, LIMITS)
    pace.pause(100.0)
    own_redis.kill()
    assert "left alone" in reason(pace)


def test_an_address_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="NEDSVC_REDIS_URL"):
        made("redis", str(tmp_path), "http://localhost", LIMITS)


def test_a_damaged_lock_file_is_made_anew(tmp_path: Path) -> None:
    pace = LockFilePace(tmp_path, "x", LIMITS)
    permit(pace)
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"no database" * 1000)
    permit(pace)


def test_a_file_damaged_further_in_is_made_anew(tmp_path: Path) -> None:
    pace = LockFilePace(tmp_path, "x", LIMITS)
    held = permit(pace)
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    for spoil in (lambda: pace.give_back(held), lambda: pace.pause(100.0), lambda: reason(pace)):
        file.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
        spoil()
        permit(pace)


def test_a_lock_that_is_not_let_go_keeps_nobody_for_long(tmp_path: Path) -> None:
    """Whoever asks learns the reason and can ask again while there is time."""
    pace = LockFilePace(tmp_path, "x", LIMITS)
    permit(pace)
    (file,) = tmp_path.iterdir()
    with closing(sqlite3.connect(file, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        begin = time.monotonic()
        assert "locked" in reason(pace)
        assert time.monotonic() - begin < 4
    permit(pace)


def test_a_clock_that_is_set_back_blocks_nobody(tmp_path: Path) -> None:
    clock = iter([1e9, 1e9, 1e6, 1e6])
    pace = LockFilePace(tmp_path, "x", Limits(a_minute=1), clock=lambda: next(clock))
    pace.give_back(permit(pace))
    permit(pace)


def test_a_folder_that_cannot_be_made_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    pace = LockFilePace(tmp_path / "file" / "folder", f"test-{time.time_ns()}", LIMITS)
    permit(pace)


@pytest.fixture(autouse=True)
def _temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path_factory.mktemp("temporary")))
