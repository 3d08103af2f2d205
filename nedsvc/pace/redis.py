"""One budget for the processes of all machines, kept in Redis; its clock is the server's."""

from secrets import token_hex
from typing import Any

from redis.exceptions import InvalidResponse

from nedsvc.cache.client import Guard, NoAnswer, redis_client
from nedsvc.pace import LONGEST_PAUSE, Limits, Pace, Permit, Wait, in_flight, paused, used_up

ANSWER_WITHIN = 0.5  # seconds

# Answers {what, milliseconds}: 0 the token is ours, 1 a pause is on, 2 too many in flight, 3 no token is left.
_ASK = """
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local pause = redis.call('PTTL', KEYS[3])
if pause > 0 then return {1, pause} end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[3]) then return {2, 0} end
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
  return {3, redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] - now}
end
local landed = now + ARGV[4]
local back = landed + ARGV[5]
redis.call('ZADD', KEYS[1], back, ARGV[1])
redis.call('ZADD', KEYS[2], landed, ARGV[1])
redis.call('PEXPIRE', KEYS[1], back - now)
redis.call('PEXPIRE', KEYS[2], back - now)
return {0, 0}
"""

_GIVE_BACK = """
local now = redis.call('TIME')
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZADD', KEYS[1], now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
"""

_UNSENT = """
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
"""

_PAUSE = """
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], '', 'PX', ARGV[1]) end
"""


class RedisPace:
    """A `Pace` for all who use the same Redis server and name.

    A request needs leave of the `machine` too, which alone sets the pace while the server cannot be asked. Raises
    `InvalidInput` for an address that cannot be used.
    """

    def __init__(self, url: str, name: str, limits: Limits, machine: Pace) -> None:
        self._redis = redis_client(url, ANSWER_WITHIN, ANSWER_WITHIN)
        self._guard = Guard("the pace is this machine's own")
        self._limits = limits
        self._machine = machine
        self._keys = [f"nedsvc:v1:pace:{name}:{part}" for part in ("tokens", "flights", "pause")]

    def ask(self) -> Permit | Wait:
        """Leave to send one request now, or how long to wait before asking again."""
        token, limits = token_hex(8), self._limits
        times = _milliseconds(limits.lease), _milliseconds(limits.window)
        arguments = [token, limits.a_minute, limits.in_flight, *times]
        try:
            what, left = self._guard.ask(lambda: _two_numbers(self._run(_ASK, self._keys, arguments)))
        except NoAnswer:
            what, left = 0, 0.0
        if what == 0:
            return self._of_machine(token)
        if what == 1:
            return paused(left / 1000)
        return in_flight(limits) if what == 2 else used_up(limits, left / 1000)

    def give_back(self, permit: Permit) -> None:
        """The request has ended."""
        limits = self._limits
        times = _milliseconds(limits.window), _milliseconds(limits.lease + limits.window)
        self._tell(_GIVE_BACK, self._keys[:2], [permit.holder, *times])
        self._machine.give_back(permit)

    def pause(self, seconds: float) -> None:
        """Nobody sends anything for so long."""
        self._machine.pause(seconds)
        self._tell(_PAUSE, self._keys[2:], [_milliseconds(min(seconds, LONGEST_PAUSE))])

    def _of_machine(self, token: str) -> Permit | Wait:
        """Leave of the machine's own budget too, which knows what went out while Redis was away or forgot."""
        own = self._machine.ask()
        if isinstance(own, Wait):
            self._tell(_UNSENT, self._keys[:2], [token])
            return own
        return Permit(own.token, token)

    def _tell(self, script: str, keys: list[str], arguments: list[Any]) -> None:
        try:
            self._guard.ask(lambda: self._run(script, keys, arguments))
        except NoAnswer:
            return  # a token that is not given back comes back by itself when its lease ends

    def _run(self, script: str, keys: list[str], arguments: list[Any]) -> Any:
        return self._redis.eval(script, len(keys), *keys, *arguments)


def _two_numbers(answer: Any) -> tuple[int, float]:
    if not isinstance(answer, list) or len(answer) != 2:
        raise InvalidResponse("no answer of the script")
    return int(answer[0]), float(answer[1])


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))
