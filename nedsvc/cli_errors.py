"""How commands end: errors as one sentence on standard error, and the exit code that goes with them."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

import click

from nedsvc.errors import IndexFormatError, IndexNotFound, InvalidInput, ModelNotInstalled, NedError

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

_OF_THE_INPUT = (InvalidInput, IndexNotFound, IndexFormatError, ModelNotInstalled)

FAILED = 1
WRONG_INPUT = 2


def reports_errors(command: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """The command, ending with one sentence instead of a traceback: 2 for input, 1 for what failed on the way."""

    @wraps(command)
    def reporting(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        try:
            return command(*args, **kwargs)
        except NedError as error:
            click.echo(f"nedsvc: {error}", err=True)
            sys.exit(WRONG_INPUT if isinstance(error, _OF_THE_INPUT) else FAILED)
        except OSError as error:
            click.echo(f"nedsvc: {error.filename or 'output'}: {error.strerror or error}", err=True)
            sys.exit(FAILED)
        except KeyboardInterrupt:
            click.echo("nedsvc: interrupted; nothing half-written was left", err=True)
            sys.exit(FAILED)

    return reporting


@contextmanager
def stopped_like_ctrl_c() -> Iterator[None]:
    """Lets SIGTERM end a build as Ctrl-C does, so that nothing half-written stays."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
