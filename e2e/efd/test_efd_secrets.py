"""Who sees which secret, when everything that can be asked was asked.

Beside what is looked for after every test: the shared password of a leased key is nowhere, that of a shared one in one
answer.
"""

import json
from collections.abc import Callable

import pytest

from lib.efd.documents import efd_document
from lib.efd.influxdb import Account, InfluxDB
from lib.efd.notebook import CONNECT, Notebook
from lib.efd.seed import AZIMUTH, DATABASE
from lib.efd.service import PREFIX, EfdToken, Lease
from lib.efd.site import Starts
from lib.leaks import Ledger, find
from lib.poll import eventually

_COUNT = f'SELECT COUNT("actualPosition") FROM "{AZIMUTH.name}"'
_PAGES = [
    *("", "/", "/list", "/creds/usdf_efd", "/creds/summit_efd", "/creds/nowhere", "/efd/usdf_efd/ping"),
    *("/efd/usdf_efd/health", "/efd/usdf_efd/query", "/efd/nowhere/query", "/-/me", "/-/openapi.json", "/-/docs"),
    *("/-/why?method=GET&path=/segwarides/creds/usdf_efd", "/-/problems/policy_denied", "/nothing"),
]
_OPERATORS = ["livez", "readyz", "startupz", "metrics", "config", "nothing"]
_STATEMENTS = [
    _COUNT,
    "SHOW DATABASES",
    "SHOW USERS",
    "CREATE DATABASE evil",
    "SELECT * INTO evil FROM x",
    "SELECT * FROM secret..payroll",
    "no statement",
    "SELECT mean(*) FROM x GROUP BY time(1x)",
]


def _ask_everything(service: EfdToken, token: str, lease: Lease | None) -> bytes:
    """Every page in every role, every kind of statement; returns all that was answered, heads included."""
    answers = []
    for page in _PAGES:
        for ways in ({}, {"token": token}, {"token": "nbl1.first.x.y"}, {"auth": (token, "")}):
            answers.append(service.get(page, **ways))
    for path in ("", "/", "/influxdb/usdf_efd", "/influxdb/nowhere"):
        answers += [service.discover(path, token), service.discover(path)]
    if lease is not None:
        for statement in _STATEMENTS:
            answers.append(service.query(statement, auth=lease.auth))
            answers.append(service.query(statement, auth=(lease.username, lease.password[:-3])))
    heads = "\n".join(f"{answer.status_code} {answer.headers}" for answer in answers)
    return heads.encode() + b"\n".join(answer.content for answer in answers)


def _operators_see(service: EfdToken) -> bytes:
    return b"\n".join(service.operator(path).content for path in _OPERATORS)


def test_the_shared_password_of_a_leased_key_is_nowhere(
    efd: EfdToken, notebook: Notebook, influxdb: InfluxDB, ada: str, lease: Lease
) -> None:
    # Once with the real client through the wiretap too, which can read what is inside TLS.
    notebook.run(
        CONNECT + "await client.get_topics()",
        key="usdf_efd",
        service=f"https://{ada}:@127.0.0.1:{efd.tap.port}{PREFIX}/",
    )
    answered = _ask_everything(efd, ada, lease)
    password = influxdb.reader.password
    for what, record in {
        "an answer": answered,
        "what callers saw": efd.tap.received,
        "the log": efd.log.read_bytes(),
        "an operator's page": _operators_see(efd),
        "the command line": _command_line(efd),
    }.items():
        assert not find(password, record), f"the shared password is in {what}"
    assert find(password, influxdb.tap.sent), "the record does not even hold what must be in it"
    assert find(ada, efd.tap.sent), "the caller's token never was on the wire"
    assert b"content-encoding:" not in answered.lower(), "compressed: a search would find nothing"


def _command_line(service: EfdToken) -> bytes:
    process = service.peer.process.pid
    with open(f"/proc/{process}/cmdline", "rb") as line, open(f"/proc/{process}/environ", "rb") as environment:
        return line.read() + environment.read()


def test_the_shared_password_of_a_shared_key_is_only_in_the_answer_that_hands_it_out(
    efd: EfdToken, shared_account: Account, ada: str, lease: Lease
) -> None:
    password = shared_account.password
    for handed_out in (efd.get("/creds/shared_efd", ada), efd.discover("/influxdb/shared_efd", ada)):
        assert find(password, handed_out.content)
        assert not find(password, str(handed_out.headers).encode())
        assert handed_out.headers["cache-control"] == "no-store"
    assert not find(password, _ask_everything(efd, ada, lease))
    assert not find(password, efd.log.read_bytes())
    assert not find(password, _operators_see(efd))


def test_no_token_and_no_lease_reaches_influxdb(efd: EfdToken, influxdb: InfluxDB, ada: str, lease: Lease) -> None:
    watch = influxdb.tap.from_now()
    ways: list[Callable[[], object]] = [
        lambda: efd.query(_COUNT, auth=lease.auth),
        lambda: efd.query(_COUNT, auth=("ada", ada)),
        lambda: efd.query(_COUNT, auth=(ada, "")),
        lambda: efd.query(_COUNT, token=ada),
        lambda: efd.query(_COUNT, params={"u": "ada", "p": ada}),
        lambda: efd.query(_COUNT, auth=lease.auth, form={"u": "ada", "p": ada}),
        lambda: efd.query(_COUNT, auth=lease.auth, headers={"Cookie": f"session={ada}", "X-Auth-Request-Token": ada}),
        lambda: efd.query(_COUNT, auth=lease.auth, headers={"Proxy-Authorization": f"Bearer {ada}", "X-Other": ada}),
        lambda: efd.query(_COUNT, auth=lease.auth, headers={"Referer": f"https://{ada}:@127.0.0.1/"}),
    ]
    for way in ways:
        way()
    assert len(watch.requests) >= 5
    assert not find(ada, watch.sent)
    assert not find(lease.password, watch.sent)
    assert b"nbl1." not in watch.sent
    names = {line.split(b":")[0].lower() for line in watch.sent.split(b"\r\n") if b": " in line}
    assert not names & {b"cookie", b"x-other", b"referer", b"proxy-authorization", b"x-auth-request-token"}


def test_the_log_tells_who_read_what_and_no_secret(efd: EfdToken, lease: Lease) -> None:
    efd.query(_COUNT, params={"u": lease.username, "p": lease.password}, auth=None)
    event = efd.audit(event="request", key="usdf_efd", statements="SELECT", user="ada")
    assert {"time", "request_id", "status"} <= set(event) or {"timestamp", "request_id", "status"} <= set(event)
    log = efd.log.read_bytes()
    assert not find(lease.password, log)
    assert b"nbl1." not in log
    assert b"?u=" not in log, "a query string is in the log"


def test_statements_are_logged_only_where_that_is_configured(starts: Starts, influxdb: InfluxDB, ada: str) -> None:
    key = {"name": "usdf_efd", "url": influxdb.url, "databases": [DATABASE]}
    documents = {"usdf_efd": efd_document(influxdb.reader)}
    service = starts("audited", documents, [key], tenant={"audit": {"statements": True}})
    service.query(f"{_COUNT} WHERE s = 'a literal'", auth=service.lease(ada).auth)
    eventually("the statement is in the log", lambda: "a literal" in service.log.read_text(), within=3)


def test_the_ledger_would_notice_a_leak(efd: EfdToken, influxdb: InfluxDB, ada: str, lease: Lease) -> None:
    efd.query(_COUNT, auth=lease.auth)
    swapped = Ledger()
    swapped.platform_token(ada)
    swapped.platform_token(lease.password)
    swapped.bot_secret(influxdb.reader.password)
    swapped.upstream_saw("efd-token, as if it were the upstream", lambda: efd.tap.sent)
    swapped.caller_saw("InfluxDB, as if it were a caller", lambda: influxdb.tap.sent)
    assert len(swapped.new_leaks()) == 3


def test_a_document_that_cannot_be_read_is_not_printed(starts: Starts, influxdb: InfluxDB, ada: str) -> None:
    document = json.loads(efd_document(influxdb.reader))
    documents = {
        "cut_efd": json.dumps(document)[:-3],
        "typed_efd": json.dumps(document | {"password": [influxdb.reader.password]}),
        "user_efd": json.dumps(document | {"username": {"password": influxdb.reader.password}}),
        "colon_efd": json.dumps(document | {"username": f"a:{influxdb.reader.password}"}),
        "url_efd": json.dumps(document | {"url": f"https://a:{influxdb.reader.password}@influxdb.example.org/"}),
        "host_efd": json.dumps(document | {"host": f"a b {influxdb.reader.password}"}),
    }
    service = starts("unprinted", documents, [{"name": name, "url": influxdb.url} for name in ("cut_efd", "typed_efd")])
    for name in documents:
        service.get(f"/creds/{name}", ada)
    password = influxdb.reader.password
    assert not find(password, service.tap.received)
    assert not find(password, service.log.read_bytes())
    assert not find(password, _operators_see(service))


@pytest.mark.parametrize("where", ["the address", "the body"])
def test_credentials_in_parameters_go_no_further(efd: EfdToken, influxdb: InfluxDB, lease: Lease, where: str) -> None:
    watch = influxdb.tap.from_now()
    given = {"u": lease.username, "p": lease.password}
    answer = (
        efd.query(_COUNT, params=given) if where == "the address" else efd.query(_COUNT, form=given, auth=lease.auth)
    )
    assert answer.status_code == 200, answer.text
    assert not find(lease.password, watch.sent)
    assert b"u=ada" not in watch.sent
