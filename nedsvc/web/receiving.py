"""The body of a request as it comes, while the answer is on its way already."""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from threading import Thread
from typing import Any

from werkzeug.wsgi import get_content_length, get_input_stream

from nedsvc.web.spool import Spool, gone

_AT_ONCE = 1 << 16


@contextmanager
def received(environ: Mapping[str, Any], patience: float) -> Iterator[Spool]:
    """A spool of the request's body, which a thread fills until all is there or the block ends.

    It is ended with `ConnectionResetError` where the client goes away.
    """
    with Spool(patience) as spool:
        thread = Thread(target=_fill, args=(spool, environ), daemon=True)
        thread.start()
        try:
            yield spool
        finally:
            spool.close()
            if thread.is_alive():
                _stop_receiving(environ)
            thread.join()


def _fill(spool: Spool, environ: Mapping[str, Any]) -> None:
    try:
        for piece in _pieces(environ):
            spool.write(piece)
    except Exception as error:  # whatever it is, the reader of the spool is told
        spool.end(error)
    else:
        spool.end()


def _stop_receiving(environ: Mapping[str, Any]) -> None:
    """Wakes the thread that waits for the client."""
    connection = environ.get("gunicorn.socket")
    if connection is not None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RD)


def _pieces(environ: Mapping[str, Any]) -> Iterator[bytes]:
    """The body, piece by piece. Raises `ConnectionResetError` where it breaks off."""
    expected = get_content_length(dict(environ))
    come = _reading(environ)
    got = 0
    while piece := _or_gone(come):
        got += len(piece)
        yield piece
    if expected is not None and got < expected:
        raise gone(f"the client went away after {got} of {expected} bytes")


def _reading(environ: Mapping[str, Any]) -> Callable[[], bytes]:
    """What gives the next piece of the body; empty at the end."""
    body = environ["wsgi.input"]
    if hasattr(body, "reader"):
        return partial(_come, body)
    return partial(get_input_stream(dict(environ)).readline, _AT_ONCE)


def _or_gone(come: Callable[[], bytes]) -> bytes:
    try:
        return come()
    except Exception as error:
        raise gone(f"the client went away, or sent chunks that are none ({error})") from error


def _come(body: Any) -> bytes:
    """What has come of a body of gunicorn's, at least a byte; empty at the end.

    Its own `read` and `readline` wait until 1,024 bytes are there: for ever, where the client waits for the answer to a
    shorter line. Only who asks for a single byte has it at once; what has come with it stands in buffers.
    """
    first = bytes(body.readline(1))
    reader = body.reader
    here = reader.buf.tell() if hasattr(reader, "buf") else min(reader.length, reader.unreader.buf.tell())
    return first + bytes(reader.read(here)) if first and here else first
