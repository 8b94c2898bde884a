"""Services that are no notebooks: rewriting, bodies of any size, ranges, events, fields, HTTP and WebSocket."""

import json
import threading
import time
from typing import Any

import httpx
import pytest

from lib.ask import ask, problem
from lib.instance.content import MEBI, blocks, digest
from lib.instance.frames import BINARY, body_of, connect, frame, read_head
from lib.instance.proxy import InstanceProxy, cookie
from lib.instance.site import Service, Site
from lib.poll import eventually


def _echo(proxy: InstanceProxy, service: Service, token: str, rest: str, **more: Any) -> dict[str, Any]:
    answer = ask(more.pop("method", "GET"), f"{proxy.site}/visafs/{service.id}{rest}", token, **more)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def _fields(echo: dict[str, Any]) -> dict[str, str]:
    return {name.lower(): value for name, value in echo["fields"]}


# Rewriting


@pytest.mark.parametrize(
    ("asked", "arrives"),
    [
        ("/", "/"),
        ("/a/b", "/a/b"),
        ("/a?x=1&y=%20z", "/a?x=1&y=%20z"),
        ("/a%2Fb%20c/%C3%A4", "/a%2Fb%20c/%C3%A4"),
        ("/visafs/7/again", "/visafs/7/again"),
        ("//double//", "//double//"),
    ],
)
def test_the_first_rule_is_applied_once(
    proxy: InstanceProxy, files: Service, ada: str, asked: str, arrives: str
) -> None:
    assert _echo(proxy, files, ada, asked)["target"] == arrives


def test_a_path_that_no_rule_fits_does_not_reach_the_service_as_it_is(
    proxy: InstanceProxy, files: Service, ada: str
) -> None:
    """`/visafs/12` is not rewritten by `^/visafs/\\d+/`: the old proxy passed it on with the instance's number."""
    assert files.tap
    watch = files.tap.from_now()
    answer = proxy.get(f"/visafs/{files.id}", ada)
    assert answer.status_code in (200, 301, 307, 308, 404)
    assert not [line for line in watch.requests if f"/visafs/{files.id}" in line]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_every_method_passes(proxy: InstanceProxy, files: Service, ada: str, method: str) -> None:
    assert files.tap
    watch = files.tap.from_now()
    body = b"x" if method not in ("GET", "HEAD") else None
    answer = ask(method, f"{proxy.site}/visafs/{files.id}/a", ada, content=body)
    assert answer.status_code == 200
    assert watch.requests == [f"{method} /a"]
    assert (answer.content == b"") == (method == "HEAD")


def test_connect_and_trace_do_not_pass(proxy: InstanceProxy, files: Service, ada: str) -> None:
    assert files.tap
    before = len(files.tap.sent)
    for method in ("CONNECT", "TRACE"):
        with connect(proxy.port) as wire:
            wire.send(
                f"{method} /visafs/{files.id}/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ada}\r\n\r\n".encode()
            )
            assert 400 <= read_head(wire).status < 502
    assert b"CONNECT " not in files.tap.sent[before:]


# Fields


def test_the_host_is_kept_and_what_is_forwarded_is_ours(proxy: InstanceProxy, files: Service, ada: str) -> None:
    forged = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Host": "evil.example.org",
        "X-Forwarded-Proto": "gopher",
        "X-Forwarded-Prefix": "/evil",
        "Forwarded": "for=6.6.6.6",
        "X-Real-IP": "6.6.6.6",
    }
    here = f"127.0.0.1:{proxy.tap.port}"
    for host, scheme in (("visa.example.org", "https"), (here, "http")):  # https, unless it is this machine
        fields = _fields(_echo(proxy, files, ada, "/a", headers=forged | {"Host": host}))
        assert fields["host"] == host
        assert fields["x-forwarded-for"] == "127.0.0.1"
        assert fields["x-forwarded-host"] == host
        assert fields["x-forwarded-proto"] == scheme
        assert fields["x-forwarded-prefix"].rstrip("/") == f"/visafs/{files.id}"
        assert "6.6.6.6" not in json.dumps(fields)
        assert "evil" not in json.dumps(fields)


def test_hop_by_hop_fields_end_here(proxy: InstanceProxy, files: Service, ada: str) -> None:
    sent = {
        "Connection": "keep-alive, X-Mine",
        "X-Mine": "1",
        "Keep-Alive": "timeout=5",
        "Proxy-Authorization": "Basic x",
        "Proxy-Connection": "keep-alive",
        "TE": "trailers",
        "X-Other": "2",
    }
    fields = _fields(_echo(proxy, files, ada, "/a", headers=sent))
    assert fields["x-other"] == "2"
    assert not {"x-mine", "keep-alive", "proxy-authorization", "proxy-connection", "te"} & set(fields)


def test_other_fields_pass_both_ways_as_often_as_they_are_there(proxy: InstanceProxy, files: Service, ada: str) -> None:
    sent = [("Accept", "text/x"), ("X-Twice", "1"), ("X-Twice", "2"), ("X-Empty", ""), ("User-Agent", "its own")]
    echo = _echo(proxy, files, ada, "/a", headers=dict(sent))
    assert _fields(echo)["user-agent"] == "its own"
    assert _fields(echo)["x-empty"] == ""
    query = (
        "X-Twice=1&X-Twice=2&Content-Type=text/plain&ETag=%22x%22&Cache-Control=no-store&WWW-Authenticate=Basic&body=hi"
    )
    answer = proxy.get(f"/visafs/{files.id}/say?{query}", ada)
    assert answer.headers.get_list("x-twice") == ["1", "2"]
    assert answer.headers["etag"] == '"x"'
    assert answer.text == "hi"


@pytest.mark.parametrize("status", [201, 202, 206, 301, 304, 400, 401, 403, 404, 409, 418, 429, 500, 502, 503, 504])
def test_every_status_of_the_service_passes(proxy: InstanceProxy, files: Service, ada: str, status: int) -> None:
    body = "" if status == 304 else "&body=its+own"
    answer = proxy.get(f"/visafs/{files.id}/say?status={status}&X-Own=1{body}", ada)
    assert answer.status_code == status
    assert answer.headers["x-own"] == "1"
    assert answer.text == ("" if status == 304 else "its own")


def test_a_service_that_is_not_there_is_502(site: Site, proxy: InstanceProxy, ada: str) -> None:
    began = time.monotonic()
    answer = proxy.get(f"/visafs/{site.instance().id}/", ada)
    assert answer.status_code == 502
    problem(answer)
    assert time.monotonic() - began < 6


# Bodies


@pytest.fixture(scope="module")
def bulk(site: Site) -> tuple[InstanceProxy, Service]:
    """A pair that nobody records; no token goes there but those of these tests."""
    return site.proxy("bulk"), site.files(site.instance(), tapped=False)


def _straight(bulk: tuple[InstanceProxy, Service], path: str) -> str:
    return f"http://127.0.0.1:{bulk[0].port}/visafs/{bulk[1].id}{path}"


_SIZE = 300 * MEBI + 7


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_an_upload_of_any_size_streams(bulk: tuple[InstanceProxy, Service], ada: str, framing: str) -> None:
    headers = {"Content-Length": str(_SIZE)} if framing == "length" else {}
    before = bulk[0].process.memory_info().rss
    answer = ask("PUT", _straight(bulk, "/upload"), ada, content=blocks("up", _SIZE), headers=headers)
    assert answer.json() == {"length": _SIZE, "sha256": digest(blocks("up", _SIZE))}
    assert bulk[0].process.memory_info().rss - before < 16 * MEBI


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_a_download_of_any_size_streams(bulk: tuple[InstanceProxy, Service], ada: str, framing: str) -> None:
    url = _straight(bulk, f"/download?seed=down&size={_SIZE}" + ("&chunked=1" if framing == "chunks" else ""))
    before = bulk[0].process.memory_info().rss
    with httpx.stream("GET", url, headers={"Authorization": f"Bearer {ada}"}, timeout=30, trust_env=False) as answer:
        assert ("content-length" in answer.headers) == (framing == "length")
        assert digest(answer.iter_raw()) == digest(blocks("down", _SIZE))
    assert bulk[0].process.memory_info().rss - before < 16 * MEBI


def test_an_upload_begins_before_it_has_ended(proxy: InstanceProxy, files: Service, ada: str) -> None:
    assert files.tap
    with connect(proxy.port) as wire:
        lines = [
            f"PUT /visafs/{files.id}/upload HTTP/1.1",
            "Host: x",
            f"Authorization: Bearer {ada}",
            "Content-Length: 20",
        ]
        watch = files.tap.from_now()
        wire.send("\r\n".join([*lines, "", ""]).encode() + b"0123456789")
        eventually("half of it has arrived", lambda: watch.sent.endswith(b"0123456789"), within=5)
        wire.send(b"abcdefghij")
        answer = read_head(wire)
        assert json.loads(body_of(wire, answer))["length"] == 20


@pytest.mark.parametrize(("first", "last"), [(0, 0), (0, 99), (1000, 1999), (MEBI - 5, MEBI + 5)])
def test_ranges_pass(proxy: InstanceProxy, files: Service, ada: str, first: int, last: int) -> None:
    path = f"/visafs/{files.id}/download?seed=range&size={2 * MEBI}"
    answer = proxy.get(path, ada, headers={"Range": f"bytes={first}-{last}"})
    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{2 * MEBI}"
    assert answer.content == b"".join(blocks("range", 2 * MEBI))[first : last + 1]


def test_events_arrive_one_by_one(proxy: InstanceProxy, files: Service, ada: str) -> None:
    base = f"{proxy.site}/visafs/{files.id}"
    headers = {"Authorization": f"Bearer {ada}", "Accept": "text/event-stream"}
    with httpx.stream("GET", f"{base}/events?count=4", headers=headers, timeout=10, trust_env=False) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        lines = (line for line in answer.iter_lines() if line.startswith("id:"))
        for number in range(4):
            # The next one is made only when this one was read: one that is held back would never come.
            assert next(lines) == f"id: {number}"
            assert ask("POST", f"{base}/events/next", ada).status_code == 200


def test_a_caller_who_leaves_frees_the_service(proxy: InstanceProxy, files: Service, ada: str) -> None:
    with connect(proxy.port, receive_buffer=4096) as wire:
        target = f"/visafs/{files.id}/download?seed=gone&size=200000000"
        wire.send(f"GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ada}\r\n\r\n".encode())
        read_head(wire)
    eventually("nothing is in progress", lambda: proxy.metric("nbgate_in_flight") == 0, within=2)


# WebSocket


def test_a_socket_is_rewritten_too(proxy: InstanceProxy, other: Service, ada: str) -> None:
    with proxy.socket(f"/other/{other.id}/socket?x=%20y", ada) as socket:
        asked = json.loads(socket.message())
        assert asked["target"] == "/socket?x=%20y"
        fields = {name.lower(): value for name, value in asked["fields"]}
        assert fields["host"] == f"127.0.0.1:{proxy.port}"
        assert fields["x-forwarded-for"] == "127.0.0.1"
        assert fields["x-forwarded-prefix"].rstrip("/") == f"/other/{other.id}"
        assert "authorization" not in fields
        socket.text("forth and back")
        assert socket.message() == b"forth and back"
        assert socket.end().code == 1000


def test_printing_is_rewritten_as_it_is_shipped(proxy: InstanceProxy, printing: Service, ada: str) -> None:
    assert printing.tap
    watch = printing.tap.from_now()
    with proxy.socket(f"/ws/print/{printing.id}/?EIO=4&transport=websocket", ada) as socket:
        socket.text("x")
        assert socket.message() == b"x"
    assert watch.requests == ["GET /socket.io/?EIO=4&transport=websocket"]


def test_the_same_entry_serves_http(proxy: InstanceProxy, other: Service, ada: str) -> None:
    answer = proxy.get(f"/other/{other.id}/a?b", ada)
    assert answer.json()["target"] == "/a?b"


def test_a_service_opens_no_session(site: Site, proxy: InstanceProxy, other: Service, ada: str) -> None:
    before = site.api.now()
    path = f"/other/{other.id}/socket?/jupyter/{other.id}/api/kernels/a1/channels&session_id=a1"
    with proxy.socket(path, ada) as socket:
        socket.message()
    assert site.api.asked("open", since=before) == []


def test_messages_cross_in_both_directions_at_once(proxy: InstanceProxy, other: Service, ada: str) -> None:
    with proxy.socket(f"/other/{other.id}/socket", ada) as socket:
        socket.message()
        count = 2000
        messages = b"".join(frame(BINARY, b"%06d" % number * 100) for number in range(count))
        sender = threading.Thread(target=socket.send, args=(messages,))
        sender.start()
        assert [socket.message()[:6] for _ in range(count)] == [b"%06d" % number for number in range(count)]
        sender.join()


def test_a_cookie_opens_a_service_too(proxy: InstanceProxy, other: Service, ada: str) -> None:
    fields = [cookie(ada), ("Origin", f"http://127.0.0.1:{proxy.port}")]
    with proxy.socket(f"/other/{other.id}/socket", None, fields) as socket:
        assert "access_token" not in socket.message().decode()


def test_the_entrys_name_is_in_audit_events_and_metrics(proxy: InstanceProxy, files: Service, ada: str) -> None:
    assert proxy.get(f"/visafs/{files.id}/named", ada).status_code == 200
    event = proxy.audit(route="Visa Files", instance=str(files.id))
    assert event["user"] == "ada"
    assert 'route="Visa Files"' in proxy.metrics()
