"""A server on loopback that stands for Wikidata: recorded answers replayed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from faults import Answer
from loopback import Asked, LoopbackServer

_OF_THE_TRANSFER = {"content-length", "content-encoding", "transfer-encoding", "connection", "keep-alive", "date"}


class Recording(msgspec.Struct, frozen=True):
    """A recorded exchange. The body is as it was before it was packed."""

    name: str
    method: str
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    note: str | None


class _Line(msgspec.Struct):
    name: str
    method: str
    url: str
    status: int
    headers: dict[str, str]
    json: msgspec.Raw = msgspec.Raw(b"")
    text: str = ""
    note: str | None = None


class ReplayServer(LoopbackServer):
    """Gives the recorded answer to all that is asked below the address of a recording, however it is asked."""

    def __init__(self, recordings: Path, **options: Any) -> None:
        super().__init__(**options)
        self.recordings = tuple(map(_recording, recordings.read_bytes().splitlines()))
        self._numbers = {recording.name: number for number, recording in enumerate(self.recordings)}

    def url_of(self, name: str) -> str:
        """The address of the API that answers with this recording."""
        return f"{self.root}/{self._numbers[name]}/w/api.php"

    def answer(self, asked: Asked) -> Answer:
        """The recording that the address names."""
        recording = self.recordings[int(asked.path.split("/")[1])]
        return Answer(recording.status, recording.headers, recording.body)


def _recording(content: bytes) -> Recording:
    line = msgspec.json.decode(content, type=_Line)
    headers = {name: value for name, value in line.headers.items() if name.lower() not in _OF_THE_TRANSFER}
    body = msgspec.json.format(bytes(line.json), indent=-1) if bytes(line.json) else line.text.encode()
    return Recording(line.name, line.method, line.url, line.status, headers, body, line.note)
