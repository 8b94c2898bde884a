"""How a query may be sent: one way to say each thing, and nothing that InfluxDB would read in another way."""

import gzip
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from lib.ask import problem
from lib.efd.influxdb import InfluxDB
from lib.efd.seed import AZIMUTH, DATABASE, OTHER_DATABASE, ROWS
from lib.efd.service import PREFIX, EfdToken, Lease

_ROUTE = f"{PREFIX}/efd/usdf_efd"
_READ = f'SELECT "actualPosition" FROM "{AZIMUTH.name}" LIMIT 1'
_WRITE = "CREATE DATABASE evil"
_FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def nothing_is_sent(influxdb: InfluxDB) -> Iterator[None]:
    """What the test asks may not reach InfluxDB."""
    watch = influxdb.tap.from_now()
    yield
    assert watch.sent == b""


def _encoded(*pairs: tuple[str, str]) -> str:
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs)


def _ask(efd: EfdToken, lease: Lease, query: str = "", body: str | bytes | None = None, **rest: Any) -> httpx.Response:
    """A query string and a body, as they are written."""
    headers = {"Content-Type": _FORM} | rest.pop("headers", {})
    method = rest.pop("method", "GET" if body is None else "POST")
    target = f"{rest.pop('route', _ROUTE + '/query')}{'?' if query else ''}{query}"
    return efd.ask(method, target, auth=lease.auth, headers=headers, content=body, **rest)


_TWICE = {
    "q twice in the address": (_encoded(("q", _READ), ("q", _READ)), None),
    "q twice in the body": ("", _encoded(("q", _READ), ("q", _WRITE))),
    "q in both places": (_encoded(("q", _READ)), _encoded(("q", _WRITE))),
    "q in both places, the write first": (_encoded(("q", _WRITE)), _encoded(("q", _READ))),
    "q encoded": (_encoded(("q", _READ)) + "&%71=" + quote(_WRITE), None),
    "db in both places": (f"db={DATABASE}", _encoded(("q", _READ), ("db", OTHER_DATABASE))),
    "db twice in the address": (_encoded(("q", _READ), ("db", DATABASE), ("db", OTHER_DATABASE)), None),
    "rp twice": ("", _encoded(("q", _READ), ("db", DATABASE), ("rp", "autogen"), ("rp", "autogen"))),
    "an empty q beside another": ("q=", _encoded(("q", _WRITE))),
}
_UNKNOWN = {
    "params": _encoded(("q", "SELECT * FROM $d..payroll"), ("params", '{"d":{"identifier":"secret"}}')),
    "params that nothing uses": _encoded(("q", _READ), ("params", "{}")),
    "Q": _encoded(("Q", _READ)),
    "query": _encoded(("query", _READ)),
    "node_id": _encoded(("q", _READ), ("node_id", "1")),
    "async": _encoded(("q", _READ), ("async", "true")),
    "precision": _encoded(("q", _READ), ("precision", "s")),
    "consistency": _encoded(("q", _READ), ("consistency", "any")),
    "q[]": _encoded(("q[]", _READ)),
    "a name that is no text": _encoded(("q", _READ)) + "&%ff=1",
}
_VALUES = {
    "epoch": _encoded(("q", _READ), ("epoch", "fortnight")),
    "chunk_size": _encoded(("q", _READ), ("chunk_size", "-1")),
    "chunked": _encoded(("q", _READ), ("chunked", "maybe")),
    "no q": f"db={DATABASE}",
    "q that is no text": "q=%ff%fe&db=efd",
    "an overlong q": "q=%c0%bb&db=efd",
}


@pytest.mark.usefixtures("nothing_is_sent")
@pytest.mark.parametrize("way", _TWICE)
def test_a_parameter_that_is_there_twice_is_refused(efd: EfdToken, lease: Lease, way: str) -> None:
    query, body = _TWICE[way]
    answer = _ask(efd, lease, query, body)
    assert answer.status_code == 400, answer.text


@pytest.mark.usefixtures("nothing_is_sent")
@pytest.mark.parametrize("place", ["address", "body"])
@pytest.mark.parametrize("what", [*_UNKNOWN, *_VALUES])
def test_a_parameter_that_is_not_known_or_not_understood_is_refused(
    efd: EfdToken, lease: Lease, what: str, place: str
) -> None:
    text = (_UNKNOWN | _VALUES)[what]
    answer = _ask(efd, lease, text) if place == "address" else _ask(efd, lease, body=text)
    assert answer.status_code == 400, answer.text
    assert problem(answer)


def _multipart(text: str) -> bytes:
    return (f'--x\r\nContent-Disposition: form-data; name="q"; filename="q.txt"\r\n\r\n{text}\r\n--x--\r\n').encode()


_BODIES: dict[str, tuple[bytes, dict[str, str]]] = {
    "multipart": (_multipart(_WRITE), {"Content-Type": "multipart/form-data; boundary=x"}),
    "multipart that reads": (_multipart(_READ), {"Content-Type": "multipart/form-data; boundary=x"}),
    "multipart in other letters": (_multipart(_WRITE), {"Content-Type": "Multipart/Form-Data; Boundary=x"}),
    "multipart mixed": (_multipart(_WRITE), {"Content-Type": "multipart/mixed; boundary=x"}),
    "JSON": (b'{"q": "CREATE DATABASE evil"}', {"Content-Type": "application/json"}),
    "text": (_encoded(("q", _WRITE)).encode(), {"Content-Type": "text/plain"}),
    "InfluxQL": (_WRITE.encode(), {"Content-Type": "application/vnd.influxql"}),
    "bytes": (_encoded(("q", _WRITE)).encode(), {"Content-Type": "application/octet-stream"}),
    "a type that only begins so": (_encoded(("q", _WRITE)).encode(), {"Content-Type": f"{_FORM}x"}),
    "two types": (_encoded(("q", _WRITE)).encode(), {"Content-Type": f"{_FORM}, multipart/form-data; boundary=x"}),
    "an empty type": (_encoded(("q", _WRITE)).encode(), {"Content-Type": ""}),
}


@pytest.mark.usefixtures("nothing_is_sent")
@pytest.mark.parametrize("query", ["", _encoded(("q", _READ), ("db", DATABASE))], ids=["alone", "beside the address"])
@pytest.mark.parametrize("kind", _BODIES)
def test_a_body_that_is_no_form_is_refused(efd: EfdToken, lease: Lease, kind: str, query: str) -> None:
    body, headers = _BODIES[kind]
    answer = _ask(efd, lease, query, body, headers=headers)
    assert answer.status_code == 415, answer.text
    assert problem(answer)


@pytest.mark.usefixtures("nothing_is_sent")
def test_a_body_that_is_compressed_is_refused(efd: EfdToken, lease: Lease) -> None:
    body = gzip.compress(_encoded(("q", _READ), ("db", DATABASE)).encode())
    answer = _ask(efd, lease, body=body, headers={"Content-Encoding": "gzip"})
    assert answer.status_code in (400, 415), answer.text


@pytest.mark.usefixtures("nothing_is_sent")
def test_a_body_in_another_character_set_is_refused(efd: EfdToken, lease: Lease) -> None:
    body = "q=CREATE DATABASE evil".encode("utf-16")
    answer = _ask(efd, lease, body=body, headers={"Content-Type": f"{_FORM}; charset=utf-16"})
    assert answer.status_code in (400, 415), answer.text


def test_a_form_may_say_that_it_is_utf_8(efd: EfdToken, lease: Lease) -> None:
    body = _encoded(("q", _READ), ("db", DATABASE))
    answer = _ask(efd, lease, body=body, headers={"Content-Type": f"{_FORM}; charset=utf-8"})
    assert answer.status_code == 200, answer.text


def test_a_form_may_come_in_chunks(efd: EfdToken, lease: Lease) -> None:
    body = _encoded(("q", _READ), ("db", DATABASE)).encode()
    pieces = (body[place : place + 7] for place in range(0, len(body), 7))
    answer = efd.ask("POST", f"{_ROUTE}/query", auth=lease.auth, headers={"Content-Type": _FORM}, content=pieces)
    assert answer.status_code == 200, answer.text


def test_the_database_may_stand_in_the_address_and_the_statement_in_the_body(efd: EfdToken, lease: Lease) -> None:
    answer = _ask(efd, lease, f"db={DATABASE}&epoch=s", _encoded(("q", _READ)))
    assert answer.json()["results"][0]["series"][0]["values"] == [[1790812800, 0]]


@pytest.mark.usefixtures("nothing_is_sent")
@pytest.mark.parametrize("rest", [";db=efd", ";q=SHOW+MEASUREMENTS", "%3Bdb=efd"])
def test_a_semicolon_does_not_end_a_parameter(efd: EfdToken, lease: Lease, rest: str) -> None:
    """To some servers it does, and what follows is another parameter."""
    answer = _ask(efd, lease, _encoded(("q", _READ)) + rest)
    assert answer.status_code == 403, answer.text


@pytest.mark.usefixtures("nothing_is_sent")
def test_another_database_is_refused_as_a_parameter(efd: EfdToken, lease: Lease) -> None:
    for name in (OTHER_DATABASE, "_internal", "EFD", "efd ", "ef%64", "efd\x00"):
        answer = _ask(efd, lease, _encoded(("q", "SHOW MEASUREMENTS"), ("db", name)))
        assert answer.status_code in (400, 403), f"{name!r}: {answer.text}"


@pytest.mark.usefixtures("nothing_is_sent")
@pytest.mark.parametrize(
    "route",
    [
        f"{_ROUTE}/write",
        f"{_ROUTE}/",
        f"{_ROUTE}/query/",
        f"{_ROUTE}/query/x",
        f"{_ROUTE}/QUERY",
        f"{_ROUTE}/%71uery",
        f"{_ROUTE}/./query",
        f"{_ROUTE}/x/../query",
        f"{_ROUTE}/query%2f..%2fwrite",
        f"{_ROUTE}/query/../write",
        f"{_ROUTE}/query;/write",
        f"{_ROUTE}/debug/vars",
        f"{_ROUTE}/debug/requests",
        f"{_ROUTE}/api/v1/prom/read",
        f"{PREFIX}/efd//query",
        f"{PREFIX}/efd/..%2fusdf_efd/query",
        f"{PREFIX}/efd/.hidden/query",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_there_is_no_route_but_query_ping_and_health(efd: EfdToken, lease: Lease, route: str, method: str) -> None:
    body = f"{AZIMUTH.name} evil=1" if method == "POST" else None
    answer = efd.raw(method, f"{route}?db={DATABASE}", f"Bearer {lease.password}", {"Content-Type": _FORM}, body)
    # 401: where there is no query, a lease is good for nothing.
    assert answer.status_code in (400, 401, 404, 405), f"{answer.status_code}: {answer.text}"


@pytest.mark.usefixtures("nothing_is_sent")
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_a_query_has_two_methods(efd: EfdToken, lease: Lease, method: str) -> None:
    answer = efd.ask(method, f"{_ROUTE}/query?{_encoded(('q', _READ), ('db', DATABASE))}", auth=lease.auth)
    assert answer.status_code == 405, answer.text
    assert answer.headers["allow"] == "GET, POST"


@pytest.mark.usefixtures("nothing_is_sent")
@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
def test_a_write_is_refused_whatever_headers_it_comes_with(efd: EfdToken, lease: Lease, header: str) -> None:
    answer = _ask(efd, lease, body=_encoded(("q", _WRITE)), headers={header: "GET"})
    assert answer.status_code == 403


def test_influxdb_reads_just_what_was_judged(efd: EfdToken, lease: Lease, influxdb: InfluxDB) -> None:
    """Whatever way it came, it is sent in one way: a form, with the parameters that are known."""
    watch = influxdb.tap.from_now()
    answer = _ask(efd, lease, _encoded(("u", lease.username), ("p", "x")), method="GET")
    assert answer.status_code == 400, "two credentials"
    answer = efd.ask(
        "GET",
        f"{_ROUTE}/query?{_encoded(('u', lease.username), ('p', lease.password), ('q', _READ), ('db', DATABASE))}",
    )
    assert answer.status_code == 200, answer.text
    assert watch.requests == ["POST /query"]
    head, _, form = watch.sent.partition(b"\r\n\r\n")
    assert dict(httpx.QueryParams(form.decode())) == {"q": _READ, "db": DATABASE}
    assert b"application/x-www-form-urlencoded" in head


@pytest.mark.usefixtures("nothing_is_sent")
def test_ping_and_health_say_nothing_but_up_and_the_same_for_any_key(efd: EfdToken) -> None:
    for path, status in (("ping", 204), ("health", 200)):
        answers = [efd.get(f"/efd/{key}/{path}") for key in ("usdf_efd", "nowhere_efd", "shared_efd")]
        assert {answer.status_code for answer in answers} == {status}
        assert len({answer.content for answer in answers}) == 1
        assert "1.6" not in str(answers[0].headers), "it tells of what is behind"


@pytest.mark.parametrize("statement", ["SELECT mean(*) FROM x GROUP BY time(1x)", "SELECT count(*) FROM x.y.z"])
def test_what_influxdb_answers_comes_back_as_it_is(
    efd: EfdToken, lease: Lease, influxdb: InfluxDB, statement: str
) -> None:
    answer = efd.query(statement, auth=lease.auth)
    direct = influxdb.attempt(statement)
    if answer.headers["content-type"].startswith("application/problem+json"):
        assert answer.status_code in (400, 403)
    else:
        assert (answer.status_code, answer.content) == (direct.status_code, direct.content)


def test_bodies_of_every_kind_stream_untouched(efd: EfdToken, lease: Lease, influxdb: InfluxDB) -> None:
    statement = f'SELECT * FROM "{AZIMUTH.name}"'
    for kind in ("application/json", "application/csv", "text/csv", "application/x-msgpack"):
        for more in ({}, {"chunked": "true", "chunk_size": "100"}, {"pretty": "true"}, {"epoch": "ms"}):
            answer = efd.query(statement, auth=lease.auth, headers={"Accept": kind}, form=more)
            direct = influxdb.attempt(statement, more, {"Accept": kind})
            assert answer.content == direct.content, f"{kind} {more}"
            assert answer.headers["content-type"] == direct.headers["content-type"]


def test_a_compressed_answer_is_passed_on(efd: EfdToken, lease: Lease) -> None:
    answer = efd.query(f'SELECT * FROM "{AZIMUTH.name}"', auth=lease.auth, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.json()["results"][0]["series"][0]["values"]) == ROWS
