"""One budget for the processes of a machine, kept in a file that they lock in turn.

The file is an SQLite database: its transactions are the lock, and a process that is killed in the midst of one leaves
the file as it was before.
"""

import logging
import os
import re
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from nedsvc.pace import LONGEST_PAUSE, Limits, Permit, Wait, in_flight, paused, used_up

_log = logging.getLogger(__name__)

_TRY_AGAIN = 0.2  # seconds
# Seconds to wait for the lock, which each holds for some milliseconds: whoever asks has a deadline, and what is not
# given back is missing until its lease ends.
_ASKED_WITHIN, _TOLD_WITHIN = 0.5, 5.0
_TABLES = """
CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, lands REAL NOT NULL, back REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pauses (until REAL NOT NULL);
"""


class LockFilePace:
    """A `Pace` for all processes of this machine that use the same folder and name.

    Where the folder cannot be written, the file goes to the user's own part of the temporary folder. Raises `OSError`
    where that cannot be written either.
    """

    def __init__(self, folder: Path, name: str, limits: Limits, clock: Callable[[], float] = time.time) -> None:
        self._path = _writable(folder) / f"pace-{re.sub('[^A-Za-z0-9.]+', '-', name)}.sqlite"
        self._limits = limits
        self._clock = clock

    def ask(self) -> Permit | Wait:
        """Leave to send one request now, or how long to wait before asking again."""
        try:
            return self._ask()
        except sqlite3.OperationalError as error:  # locked for long, or no room
            return Wait(_TRY_AGAIN, f"{self._path} cannot be used ({error})")

    def _ask(self) -> Permit | Wait:
        limits, token = self._limits, token_hex(8)
        with self._locked(_ASKED_WITHIN) as (file, now):
            pause = _number(file, "SELECT max(until) FROM pauses")
            if pause > now:
                return paused(pause - now)
            if _number(file, "SELECT count(*) FROM tokens WHERE lands > ?", now) >= limits.in_flight:
                return in_flight(limits)
            if _number(file, "SELECT count(*) FROM tokens") >= limits.a_minute:
                return used_up(limits, _number(file, "SELECT min(back) FROM tokens") - now)
            lands = now + limits.lease
            file.execute("INSERT INTO tokens VALUES (?, ?, ?)", (token, lands, lands + limits.window))
        return Permit(token)

    def give_back(self, permit: Permit) -> None:
        """The request has ended. Where that cannot be written, its token comes back when its lease ends."""
        with suppress(sqlite3.OperationalError), self._locked(_TOLD_WITHIN) as (file, now):
            back = now + self._limits.window
            file.execute("UPDATE tokens SET lands = ?, back = ? WHERE token = ?", (now, back, permit.token))

    def pause(self, seconds: float) -> None:
        """Nobody sends anything for so long."""
        with suppress(sqlite3.OperationalError), self._locked(_TOLD_WITHIN) as (file, now):
            file.execute("INSERT INTO pauses VALUES (?)", (now + min(seconds, LONGEST_PAUSE),))

    @contextmanager
    def _locked(self, within: float) -> Iterator[tuple[sqlite3.Connection, float]]:
        """The file, locked and without what is over, and the time. Raises `sqlite3.OperationalError`."""
        try:
            # A connection of its own each time: one would not survive the forking of a server.
            with closing(self._opened(within)) as file:
                file.execute("BEGIN IMMEDIATE")
                now = self._clock()
                self._clear(file, now)
                yield file, now
                file.execute("COMMIT")
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:  # a page further in, which opening does not read
            self._discard()
            raise sqlite3.OperationalError("it was damaged and is made anew") from error

    def _opened(self, within: float) -> sqlite3.Connection:
        try:
            return _open(self._path, within)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:  # no database
            self._discard()
            return _open(self._path, within)

    def _discard(self) -> None:
        # The file is worth no more than a minute's budget.
        _log.warning("%s is damaged and is made anew", self._path)
        self._path.unlink(missing_ok=True)

    def _clear(self, file: sqlite3.Connection, now: float) -> None:
        # What is later than can be stems from before the clock was set back.
        latest = now + self._limits.lease + self._limits.window
        file.execute("DELETE FROM tokens WHERE back <= ? OR back > ?", (now, latest))
        file.execute("DELETE FROM pauses WHERE until <= ? OR until > ?", (now, now + LONGEST_PAUSE))


def _open(path: Path, within: float) -> sqlite3.Connection:
    file = sqlite3.connect(path, timeout=within, isolation_level=None)
    try:
        file.execute("PRAGMA synchronous = OFF")  # after a crash of the whole machine the minute is over anyway
        file.executescript(_TABLES)
    except sqlite3.Error:
        file.close()
        raise
    return file


def _number(file: sqlite3.Connection, query: str, *parameters: float) -> float:
    (value,) = file.execute(query, parameters).fetchone()
    return value or 0.0


def _writable(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
    except OSError:
        pass
    own = Path(tempfile.gettempdir()) / f"nedsvc-{os.getuid()}"
    own.mkdir(mode=0o700, exist_ok=True)
    return own
