"""Batches over HTTP: as values of the service in this process, and as clients send them to real gunicorn."""

import builtins
import http.client
import json
import logging
import os
import resource
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import requests
from fakes import JUDGES, FakeDetector
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers import NedService, wait_until
from test_service import MOST, NAMES, OPTIONS, TEXTS, Client, KnowingSource, client_of, closed, linker, refused

from nedsvc import EntityLinker
from nedsvc.cache.memory import MemoryCache
from nedsvc.models import Mention
from nedsvc.text import Text
from nedsvc.web.app import MOST_BATCHES
from nedsvc.web.openapi import openapi_document
from nedsvc.web.receiving import received
from nedsvc.web.spool import Spool

PATH = "/v1/annotate/batch"
PAGE = """<html><head><title>News</title></head><body><nav><a href="/">Home Jordan</a></nav><article><h1>Talks</h1>
<p>The minister travelled to Kyiv on Monday for two days of talks about the grain that is to be shipped.</p>
<p>He will go on to Jordan, where others wait for him &amp; for what he has to tell them about it.</p>
</article></body></html>"""


class BrittleDetector(FakeDetector):
    """Breaks on some texts, with a secret."""

    def detect(self, texts: Sequence[Text]) -> list[list[Mention]]:
        if any("break" in text.text for text in texts):
            raise RuntimeError("the password is sesame")
        return super().detect(texts)


@pytest.fixture
def client() -> Client:
    """A service over a handful of made-up names, whose detector breaks on some texts."""
    brittle = EntityLinker([KnowingSource(NAMES)], BrittleDetector({"Kyiv": "GPE"}), JUDGES, lambda text: "de")
    return client_of(brittle, MemoryCache())


def lines_of(*lines: object) -> bytes:
    """The body: each line as JSON, or as it is where it is bytes."""
    return b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)


def answers(client: Client, *lines: object) -> list[dict[str, Any]]:
    response = client.post(PATH, lines_of(*lines))
    assert response.status_code == 200, response.text
    assert response.content_type == "application/x-ndjson"
    assert response.headers["X-Nedsvc-Cache"] == "bypass"
    return [json.loads(line) for line in response.data.splitlines()]


def error(client: Client, line: object) -> tuple[str, str]:
    (answer,) = answers(client, line)
    assert set(answer) == {"id", "line", "error"}
    assert set(answer["error"]) == {"title", "detail"}
    return answer["error"]["title"], answer["error"]["detail"]


# What is answered


def test_each_line_is_answered_in_its_place_under_its_id(client: Client) -> None:
    found = answers(client, {"id": "a", "text": "in Kyiv"}, {"text": "in Jordan"}, {"id": 7, "text": "in Kyiv"})
    assert [one["id"] for one in found] == ["a", None, "7"]
    assert [one["mentions"][0]["surface"] for one in found] == ["Kyiv", "Jordan", "Kyiv"]
    assert set(found[0]) == {"id", "language", "index", "mentions"}


def test_no_lines_give_no_answers(client: Client) -> None:
    for body in (b"", b"\n", b"\r\n \n\t\n", b"\xef\xbb\xbf"):
        response = client.post(PATH, body)
        assert (response.status_code, response.data) == (200, b"")


def test_empty_lines_count_but_are_not_answered(client: Client) -> None:
    good, bad = {"id": "a", "text": "in Kyiv"}, {"id": "b"}
    found = answers(client, b"\xef\xbb\xbf" + json.dumps(good).encode() + b"\r", b"", b"  ", bad, b"")
    assert [(one["id"], one.get("line")) for one in found] == [("a", None), ("b", 4)]


@pytest.mark.parametrize(
    ("line", "id_", "title", "reason"),
    [
        (b"{", None, "Invalid input", "record: is not JSON"),
        (b"\xff", None, "Invalid input", "record"),
        (b"[]", None, "Invalid input", "record: expected `object`"),
        (rb'{"id":"x","text":"\ud800"}', None, "Invalid input", "record: is not JSON"),
        ({"id": "x"}, "x", "Invalid input", "text: is missing"),
        ({"id": 3, "text": 5}, "3", "Invalid input", "text: expected `str`"),
        ({"id": "x", "text": " "}, "x", "Invalid input", "text: is empty"),
        ({"id": "x", "text": "Kyiv", "colour": 1}, "x", "Invalid input", "colour: is unknown"),
        ({"id": [1], "text": "Kyiv"}, None, "Invalid input", "id: expected `int | str | null`"),
        ({"id": "x", "text": "Kyiv", "language": "xx"}, "x", "Invalid input", "language: 'xx' is not known here"),
        ({"id": "x", "text": "Kyiv", "date": "soon"}, "x", "Invalid input", "date: must be a day"),
        ({"id": "x", "text": "Kyiv", "input": "pdf"}, "x", "Invalid input", "input: invalid enum value 'pdf'"),
        ({"id": "x", "text": "Kyiv", "options": {"limit": 0}}, "x", "Invalid input", "options.limit"),
        ({"id": "x", "text": "Kyiv", "options": {"colour": 0}}, "x", "Invalid input", "options.colour: is unknown"),
        ({"id": "x", "text": "Kyiv", "options": {"ranker": "accurate"}}, "x", "Invalid input", "ranker"),
        ({"id": "x", "text": "Kyiv", "mentions": [{"start": 0, "end": 9}]}, "x", "Invalid input", "is outside"),
        ({"id": "x", "text": "Kyiv", "mentions": [{"start": 0, "end": 10**30}]}, "x", "Invalid input", "is outside"),
        ({"id": "x", "text": "k" * (MOST + 1)}, "x", "Too large", "text: may have 1000 bytes"),
    ],
)
def test_a_line_that_is_wrong_says_what_is_wrong_and_harms_no_other(
    client: Client, line: object, id_: str | None, title: str, reason: str
) -> None:
    before, bad, after = answers(client, {"id": "a", "text": "in Kyiv"}, line, {"id": "b", "text": "in Kyiv"})
    assert (bad["id"], bad["line"], bad["error"]["title"]) == (id_, 2, title)
    assert reason in bad["error"]["detail"]
    assert before["mentions"] == after["mentions"] != []


def test_a_text_that_breaks_something_fails_alone_and_tells_nothing_of_what_is_inside(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        response = client.flask.post(
            PATH,
            data=lines_of({"text": "in Kyiv"}, {"id": "x", "text": "break"}, {"text": "Jordan"}),
            headers={"X-Request-Id": "batch-1"},
        )
        first, broken, last = map(json.loads, response.data.splitlines())
    assert first["mentions"]
    assert last["mentions"]
    assert (broken["id"], broken["line"], broken["error"]["title"]) == ("x", 2, "Broken text")
    assert "line 2 of request batch-1" in broken["error"]["detail"]
    assert "sesame" not in response.text
    assert "line 2 of request batch-1" in caplog.text
    assert "sesame" in caplog.text
    assert response.headers["X-Request-Id"] == "batch-1"


def test_each_line_has_its_own_options(client: Client) -> None:
    found = answers(
        client,
        {"text": "😀 in Kyiv", "options": {"offsets": "utf8", "candidates": True}},
        {"text": "😀 in Kyiv", "options": {"types": ["LAW"]}},
        {"text": "😀 in Kyiv"},
        {"text": "Kyiv", "mentions": [], "options": {"types": []}},
    )
    assert [[one["start"] for one in each["mentions"]] for each in found] == [[8], [], [5], []]
    assert ["candidates" in one for each in found for one in each["mentions"]] == [True, False]


def test_nothing_is_kept(client: Client) -> None:
    answers(client, {"text": "in Kyiv"})
    assert client.annotate("in Kyiv").headers["X-Nedsvc-Cache"] == "miss"


LINES = st.lists(
    st.fixed_dictionaries(
        {"text": TEXTS | st.just("break it") | st.just(" ")},
        optional={
            "options": OPTIONS | st.just({"ranker": "accurate"}),
            "language": st.sampled_from(["en", "de", "auto", "xx"]),
            "colour": st.just("red"),
        },
    ),
    max_size=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(lines=LINES)
def test_the_answers_of_a_batch_are_those_one_by_one(client: Client, lines: list[dict[str, Any]]) -> None:
    together = answers(client, *lines)
    assert len(together) == len(lines)
    for line, answer in zip(lines, together, strict=True):
        alone = client.post("/v1/annotate", line)
        if alone.status_code == 200:
            assert alone.get_json() == answer
        else:
            assert (alone.status_code == 500) == (answer["error"]["title"] == "Broken text")
            reason = "this is a fault" if alone.status_code == 500 else alone.get_json()["detail"].split(": ")[-1]
            assert reason in answer["error"]["detail"]


def test_answers_are_the_bytes_of_single_ones_with_the_id(gazetteer_linker: EntityLinker) -> None:
    client = client_of(gazetteer_linker, MemoryCache(), 1_000_000)
    texts = ["Putin was in Kiev.", "Blinken met Xi Jinping in The Hague.", "Nobody."] * 60
    body = lines_of(*({"id": str(number), "text": text} for number, text in enumerate(texts)))
    got = client.post(PATH, body).data.splitlines()
    alone = {text: client.annotate(text).data for text in texts}
    assert got == [alone[text].replace(b'{"id":null', b'{"id":"%d"' % number, 1) for number, text in enumerate(texts)]


# HTML


def test_the_article_of_a_page_is_what_is_annotated_and_shown(client: Client) -> None:
    client = client_of(linker(), MemoryCache(), 10_000)
    document = client.annotate(PAGE, input="html").get_json()
    text = document["text"]
    assert "grain" in text
    assert "him & for" in text
    assert "<" not in text
    assert "Home" not in text
    assert [text[one["start"] : one["end"]] for one in document["mentions"]].count("Kyiv") == 1
    assert "text" not in client.annotate("in Kyiv").get_json()


def test_a_page_in_a_batch_is_answered_as_alone() -> None:
    client = client_of(linker(), MemoryCache(), 10_000)
    line = {"text": PAGE, "input": "html", "options": {"offsets": "utf16"}}
    assert answers(client, line, {"text": PAGE}, line)[::2] == [client.post("/v1/annotate", line).get_json()] * 2


def test_spans_are_those_of_the_article() -> None:
    client = client_of(linker(), MemoryCache(), 10_000)
    text = client.annotate(PAGE, input="html").get_json()["text"]
    start = text.index("Jordan")
    spans = [{"start": start, "end": start + 6}]
    (mention,) = client.annotate(PAGE, input="html", mentions=spans).get_json()["mentions"]
    assert mention["surface"] == "Jordan"
    outside = [{"start": len(text), "end": len(text) + 1}]
    assert refused(client.annotate(PAGE, input="html", mentions=outside), 422, "mentions", "is outside")
    endless = [{"start": 0, "end": 10**30}]
    assert refused(client.annotate(PAGE, input="html", mentions=endless), 422, "mentions", "is outside")


def test_a_page_is_not_the_text_of_the_same_letters() -> None:
    client = client_of(linker(), MemoryCache(), 10_000)
    asked: list[dict[str, Any]] = [{"input": "text"}, {"input": "html"}, {"input": "html"}]
    replies = [client.annotate(PAGE, **each) for each in asked]
    assert [reply.headers["X-Nedsvc-Cache"] for reply in replies] == ["miss", "miss", "hit"]
    assert replies[1].data == replies[2].data != replies[0].data


def test_a_page_without_an_article_is_refused(client: Client) -> None:
    assert refused(client.annotate("<p>", input="html"), 422, "text", "holds no article")
    assert error(client, {"text": "<p>", "input": "html"}) == (
        "Invalid input",
        "text: holds no article; give HTML that has some paragraphs of text",
    )


def test_without_what_reads_html_it_says_what_to_install(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "trafilatura":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert refused(client.annotate(PAGE[:900], input="html"), 501, None, "pip install 'nedsvc[html]'")
    title, detail = error(client, {"text": PAGE[:900], "input": "html"})
    assert (title, "pip install 'nedsvc[html]'" in detail) == ("Not installed", True)


# What the document says


def test_lines_of_answers_are_what_the_document_says(client: Client) -> None:
    whole = json.loads(json.dumps(openapi_document()))
    described = whole["paths"][PATH]["post"]
    schema = described["responses"]["200"]["content"]["application/x-ndjson"]["schema"]
    validator = jsonschema.Draft202012Validator(
        {"components": closed(whole["components"]), **schema}, format_checker=None
    )
    for answer in answers(client, {"id": "a", "text": "in Kyiv"}, {"id": 3}, b"{"):
        validator.validate(answer)
    line = described["requestBody"]["content"]["application/x-ndjson"]["schema"]
    asked = jsonschema.Draft202012Validator({"components": whole["components"], **line})
    asked.validate({"id": 7, "text": "in Kyiv", "input": "html", "options": {"limit": 2}})
    assert not asked.is_valid({"text": "in Kyiv", "colour": "red"})


# The spool


def test_a_spool_gives_lines_and_what_is_left_at_the_end() -> None:
    with Spool(patience=1) as spool:
        spool.write(b"a\nbc")
        assert spool.has_line(10)
        assert spool.readline(10) == b"a\n"
        assert not spool.has_line(10)
        assert spool.has_line(2)
        assert spool.readline(1) == b"b"
        spool.end()
        assert [spool.readline(10) for _ in range(3)] == [b"c", b"", b""]


@settings(deadline=None)
@given(pieces=st.lists(st.binary(max_size=20) | st.just(b"\n")), size=st.integers(1, 30), after=st.integers(0, 5))
def test_a_spool_gives_the_lines_that_a_file_would(pieces: list[bytes], size: int, after: int) -> None:
    whole, got = b"".join(pieces), []
    with Spool(patience=1) as spool:
        for number, piece in enumerate(pieces):
            spool.write(piece)
            while number % (after + 1) == 0 and spool.has_line(size):
                got.append(spool.readline(size))
        spool.end()
        while line := spool.readline(size):
            got.append(line)
    assert b"".join(got) == whole
    assert all(len(line) <= size for line in got)
    assert all(b"\n" not in line[:-1] for line in got)
    assert all(line.endswith(b"\n") or len(line) == size for line in got[:-1])


def test_a_spool_waits_for_a_line_as_long_as_something_comes() -> None:
    def write() -> None:
        for _ in range(6):
            time.sleep(0.1)
            spool.write(b"x")

    with Spool(patience=0.3) as spool:
        threading.Thread(target=write).start()
        with pytest.raises(ConnectionResetError, match=r"sent nothing for 0\.3 s"):
            spool.readline(100)
        assert spool.readline(6) == b"x" * 6, "all that came in twice that time"


def test_what_is_left_is_worth_nothing_where_the_client_is_gone() -> None:
    with Spool(patience=1) as spool:
        spool.write(b"a\nb\n")
        spool.end(ConnectionResetError("gone"))
        with pytest.raises(ConnectionResetError, match="gone"):
            spool.readline(10)


class CutOff:
    """A body of which the client has sent less than it said."""

    def readline(self, size: int) -> bytes:
        return b""


def test_a_body_that_is_shorter_than_it_said_is_a_client_that_is_gone() -> None:
    environ = {"wsgi.input": CutOff(), "wsgi.input_terminated": True, "CONTENT_LENGTH": "5"}
    with received(environ, 1) as spool, pytest.raises(ConnectionResetError, match="0 of 5 bytes"):
        spool.readline(10)


# Through gunicorn


class Talk:
    """A client on a socket, which sends chunks of a batch and reads lines of the answer."""

    def __init__(self, service: NedService) -> None:
        self.socket = socket.create_connection((service.host, service.port), timeout=20)
        self.response = http.client.HTTPResponse(self.socket, method="POST")

    def begin(self) -> http.client.HTTPResponse:
        self.socket.sendall(b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        self.response.begin()
        return self.response

    def send(self, content: bytes) -> None:
        self.socket.sendall(b"%x\r\n%s\r\n" % (len(content), content))

    def ask(self, **line: Any) -> dict[str, Any]:
        """Sends a line, and waits for its answer before anything else is sent."""
        self.send(json.dumps(line).encode() + b"\n")
        answer: dict[str, Any] = json.loads(self.response.readline())
        return answer

    def end(self) -> bytes:
        self.socket.sendall(b"0\r\n\r\n")
        return self.response.read()

    def __enter__(self) -> "Talk":
        return self

    def __exit__(self, *_: object) -> None:
        self.response.close()  # which holds the socket too
        self.socket.close()


@pytest.fixture(scope="module")
def service(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NedService]:
    """A service without Redis."""
    with NedService(starter, tmp_path_factory.mktemp("batch")) as running:
        yield running


@pytest.fixture
def worker(service: NedService) -> int:
    """The process that answers."""
    (pid,) = workers(service)
    return pid


def text(number: int) -> bytes:
    return json.dumps({"id": str(number), "text": f"Putin met Blinken in Kiev, said report {number}."}).encode()


def ids(content: bytes) -> list[str | None]:
    return [json.loads(line)["id"] for line in content.splitlines()]


def test_lines_are_answered_in_order_with_errors_in_their_places(service: NedService) -> None:
    body = b"\n".join(b"{" if number % 100 == 99 else text(number) for number in range(1000))
    reply = service.call("POST", PATH, body, {"X-Request-Id": "mine"})
    assert (reply.status, reply.headers["content-type"], reply.cache) == (200, "application/x-ndjson", "bypass")
    assert reply.headers["x-request-id"] == "mine"
    found = [json.loads(line) for line in reply.body.splitlines()]
    assert [one.get("line") for one in found] == [n + 1 if n % 100 == 99 else None for n in range(1000)]
    assert [one["id"] for one in found] == [None if n % 100 == 99 else str(n) for n in range(1000)]
    alone = service.call("POST", "/v1/annotate", {"text": json.loads(text(5))["text"]}).json
    assert found[5] == {**alone, "id": "5"}


def test_a_line_without_an_end_is_refused_and_not_held(service: NedService, worker: int) -> None:
    before = resident(worker)

    def body() -> Iterator[bytes]:
        yield text(0) + b"\n"
        for _ in range(100):
            yield b"x" * 1_000_000
        yield b"\n" + text(2)

    reply = requests.post(f"http://127.0.0.1:{service.port}{PATH}", data=body(), timeout=60)
    first, long, last = map(json.loads, reply.content.splitlines())
    assert (first["id"], last["id"]) == ("0", "2")
    assert (long["line"], long["error"]["title"]) == (2, "Too large")
    assert "7000000 bytes" in long["error"]["detail"]
    assert resident(worker) - before < 50


def test_a_line_of_the_largest_size_is_answered(service: NedService) -> None:
    line = (b'{"text":"' + rb"\u00e9" * 500_000 + b'"').ljust(6_999_998) + b"}\n"
    assert len(line) == 7_000_000
    whole, large = service.call("POST", PATH, line + b" " + line).body.splitlines()
    assert json.loads(whole)["mentions"] == []
    assert json.loads(large)["error"]["title"] == "Too large"


def test_a_client_that_waits_for_each_answer_has_it(service: NedService) -> None:
    with Talk(service) as talk:
        assert talk.begin().status == 200, "the head comes before any line"
        for number in range(20):
            assert talk.ask(id=number, text="in Kiev")["id"] == str(number)
        talk.send(b'{"id": "half", ')
        time.sleep(0.2)
        talk.send(b'"text": "Kiev"}\n\n\n')
        assert json.loads(talk.response.readline())["id"] == "half"
        talk.send(b"\n")
        assert talk.ask(id="x")["line"] == 25
        talk.send(b'{"id": "last", "text": "no line ends it"}')
        assert ids(talk.end()) == ["last"]


def test_a_client_that_waits_for_each_answer_has_it_with_a_length_too(service: NedService) -> None:
    line = text(1) + b"\n"
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {5 * len(line)}\r\n\r\n".encode()
    with socket.create_connection((service.host, service.port), timeout=20) as connection:
        connection.sendall(head)
        response = http.client.HTTPResponse(connection, method="POST")
        response.begin()
        for _ in range(5):
            connection.sendall(line)
            assert ids(response.readline()) == ["1"]
        assert response.read() == b""
        response.close()


def test_a_client_that_sends_all_before_it_reads_is_not_kept_waiting(service: NedService, worker: int) -> None:
    before = resident(worker)
    lines = 12_000
    options = b', "options": {"candidates": true, "explain": true, "limit": 20}}\n'
    reply = requests.post(
        f"http://127.0.0.1:{service.port}{PATH}",
        data=(text(number).removesuffix(b"}") + options for number in range(lines)),
        timeout=120,
    )
    assert len(reply.content) > 20_000_000
    assert ids(reply.content) == [str(number) for number in range(lines)]
    assert resident(worker) - before < 50


def test_other_requests_are_answered_meanwhile(service: NedService) -> None:
    body = b"\n".join(map(text, range(5000)))
    replies: list[bytes] = []
    batch = threading.Thread(target=lambda: replies.append(service.call("POST", PATH, body).body))
    batch.start()
    waited = []
    while batch.is_alive():
        begin = time.monotonic()
        assert service.annotate(f"Kiev at {begin}").status == 200
        waited.append(time.monotonic() - begin)
    assert len(replies[0].splitlines()) == 5000
    assert len(waited) > 3
    assert max(waited) < 2


@pytest.mark.parametrize("chunked", [True, False])
def test_the_connection_serves_the_next_request(service: NedService, chunked: bool) -> None:
    connection = http.client.HTTPConnection(service.host, service.port, timeout=20)
    connection.connect()
    own = connection.sock
    for number in range(3):
        body = text(number) + b"\n"
        connection.request("POST", PATH, iter([body]) if chunked else body, encode_chunked=chunked)
        assert ids(connection.getresponse().read()) == [str(number)]
        connection.request("GET", "/healthz")
        assert json.loads(connection.getresponse().read()) == {"status": "ok"}
    assert connection.sock is own
    connection.close()


def test_what_is_sent_behind_a_batch_is_the_next_request(service: NedService) -> None:
    body = text(1) + b"\n"
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection((service.host, service.port), timeout=20) as connection:
        connection.sendall(head + body + b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    assert received.count(b"HTTP/1.1 200 OK") == 2
    assert received.endswith(b'{"status":"ok"}')


def test_http_without_chunks_is_refused(service: NedService) -> None:
    with socket.create_connection((service.host, service.port), timeout=20) as connection:
        connection.sendall(f"POST {PATH} HTTP/1.0\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    assert b" 505 " in answer.splitlines()[0]
    assert b"proxy_http_version 1.1" in answer


# Clients that go away


def test_the_work_stops_where_a_client_goes_away_that_has_sent_much(service: NedService, worker: int) -> None:
    with Talk(service) as talk:
        talk.begin()
        for _ in range(100):
            talk.send(b"\n".join(map(text, range(1000))) + b"\n")  # a minute and a half of work
        talk.response.readline()
    wait_until(lambda: is_idle(worker), 10)
    assert not waiting_on_disk(worker)


def test_a_client_that_was_waited_for_and_goes_away_is_waited_for_no_longer(service: NedService) -> None:
    for _ in range(3):
        begin = time.monotonic()
        with several(service) as talks:
            assert all(talk.ask(text="Kiev")["mentions"] for talk in talks)
        wait_until(lambda: service.call("POST", PATH, b"").status == 200, 10)
        assert time.monotonic() - begin < 10


def test_the_work_stops_where_a_client_reads_no_more(service: NedService, worker: int) -> None:
    body = b"\n".join(map(text, range(100_000)))
    connection = http.client.HTTPConnection(service.host, service.port, timeout=20)
    connection.request("POST", PATH, body)
    response = connection.getresponse()
    response.read(1000)
    response.close()
    connection.close()
    wait_until(lambda: is_idle(worker), 10)
    assert not waiting_on_disk(worker)


def test_chunks_that_are_none_end_the_batch(service: NedService) -> None:
    with Talk(service) as talk:
        talk.begin()
        talk.ask(text="Kiev")
        talk.socket.sendall(b"nonsense\r\n\r\n")
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            talk.response.read()
    assert service.get("/healthz").status == 200


def test_clients_that_stay_leave_threads_for_others(service: NedService) -> None:
    with several(service):
        refusal = service.call("POST", PATH, text(0))
        assert (refusal.status, refusal.headers["content-type"]) == (503, "application/problem+json")
        assert int(refusal.headers["retry-after"]) > 0
        assert service.annotate("Kiev").status == 200
    wait_until(lambda: service.call("POST", PATH, text(0)).status == 200, 10)


def test_a_full_disk_breaks_the_answer_off_and_is_logged(starter: Path, tmp_path: Path) -> None:
    with NedService(starter, tmp_path) as service:
        (worker,) = workers(service)
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
        body = b"\n".join(map(text, range(100_000)))
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            service.call("POST", PATH, body, {"X-Request-Id": "too-many"})
        log = service.log.read_text()
        assert "request too-many broke off" in log
        assert "File too large" in log
        assert len(service.call("POST", PATH, text(0)).body.splitlines()) == 1
        assert not waiting_on_disk(worker)


@contextmanager
def several(service: NedService) -> Iterator[list[Talk]]:
    """As many batches as may be on their way at a time."""
    with ExitStack() as stack:
        talks = [stack.enter_context(Talk(service)) for _ in range(MOST_BATCHES)]
        assert {talk.begin().status for talk in talks} == {200}
        yield talks


def workers(service: NedService) -> list[int]:
    """The processes that answer."""
    return [int(pid) for pid in Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text().split()]


def resident(pid: int) -> float:
    """The MB that the process has in memory."""
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1000


def is_idle(pid: int) -> bool:
    """Whether the process does nothing for a while."""

    def used() -> int:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    before = used()
    time.sleep(0.5)
    return used() - before <= 0.1 * 0.5 * os.sysconf("SC_CLK_TCK")


def waiting_on_disk(pid: int) -> list[str]:
    """The files without a name that the process holds, but for gunicorn's own."""
    open_ = [str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir() if file.is_symlink()]
    return [name for name in open_ if "(deleted)" in name and "wgunicorn" not in name]
