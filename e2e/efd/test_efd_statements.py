"""What a caller may say, tried on an InfluxDB where efd-token is the administrator: what reads comes through."""

import contextlib
from collections.abc import Iterator

import httpx
import pytest

from lib.ask import problem
from lib.bench import Bench
from lib.efd.documents import efd_document
from lib.efd.influxdb import InfluxDB
from lib.efd.mutate import sample
from lib.efd.seed import AZIMUTH, DATABASE
from lib.efd.service import PREFIX, EfdToken, Lease
from lib.efd.site import Site
from lib.efd.statements import HARMLESS, HOSTILE
from lib.leaks import Ledger

_QUERY = f"{PREFIX}/efd/usdf_efd/query"
_REFUSALS = {400, 403, 413}
_SHOWN = ["statements that write", "accounts", "comments"]
"""Groups that are tried without efd-token; what is of the administrator could not be undone."""
_HARMFUL = 30
"""At least so many of their texts do damage; of all texts it was 69."""
_SAMPLE = 4_000
_LET_THROUGH = _SAMPLE // 20
"""At least so many: else the sample tells nothing of what comes through."""


@pytest.fixture(scope="module")
def as_admin(site: Site, influxdb: InfluxDB) -> Iterator[EfdToken]:
    """An efd-token whose document holds the administrator's account: nothing else is between callers and all of it."""
    key = {"name": "usdf_efd", "url": influxdb.url, "databases": [DATABASE]}
    service = site.start("admin", {"usdf_efd": efd_document(influxdb.admin)}, [key])
    yield service
    service.stop()


@pytest.fixture(scope="module")
def admin_lease(as_admin: EfdToken, ada: str) -> Lease:
    """A lease that is good for it."""
    return as_admin.lease(ada)


@pytest.fixture(autouse=True)
def unchanged(influxdb: InfluxDB) -> Iterator[None]:
    """Whatever a test of this file says, the database is afterwards what it was."""
    before = influxdb.dump()
    yield
    assert influxdb.dump() == before


@pytest.mark.parametrize("group", HOSTILE)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_hostile_statements_are_refused_and_never_sent(
    as_admin: EfdToken, admin_lease: Lease, influxdb: InfluxDB, group: str, method: str
) -> None:
    came_through = []
    for text in HOSTILE[group]:
        if method == "GET" and len(text) > 8_000:
            continue  # an address has its own limit
        watch = influxdb.tap.from_now()
        answer = _say(as_admin, admin_lease, text, method)
        if answer.status_code not in _REFUSALS or watch.sent:
            came_through.append((text[:200], answer.status_code, watch.sent[-500:], answer.text[:200]))
    assert came_through == []


@pytest.mark.parametrize("text", HARMLESS)
def test_statements_that_only_read_are_answered(as_admin: EfdToken, admin_lease: Lease, text: str) -> None:
    answer = _say(as_admin, admin_lease, text)
    assert answer.status_code == 200, answer.text
    errors = [result["error"] for result in answer.json()["results"] if "error" in result]
    assert errors == []


def test_the_corpus_does_damage_where_nothing_is_in_between(bench: Bench, ledger: Ledger) -> None:
    """Else the other tests would prove nothing: on a database of its own, without efd-token."""
    victim = InfluxDB(bench, ledger, "influxdb-victim")
    harmful, as_it_was = [], victim.dump(numbers=False)
    for text in (text for group in _SHOWN for text in HOSTILE[group] if "admin" not in text):
        with contextlib.suppress(httpx.RemoteProtocolError):  # what it repeats of a text can make a header malformed
            victim.attempt(text)
        if victim.dump(numbers=False) != as_it_was:
            harmful.append(text)
            victim.begin_anew()
    assert len(harmful) >= _HARMFUL


def test_a_sample_of_garbled_statements_changes_nothing(
    as_admin: EfdToken, admin_lease: Lease, influxdb: InfluxDB
) -> None:
    passed = []
    with as_admin.client() as client:
        for text in sample(_SAMPLE, seed=5):
            answer = client.post(_QUERY, data={"q": text, "db": DATABASE}, auth=admin_lease.auth)
            assert answer.status_code in {200} | _REFUSALS, f"{answer.status_code} to {text!r}: {answer.text[:200]}"
            assert influxdb.unreadable not in answer.text, text
            if answer.status_code == 200:
                passed.append(text)
    assert len(passed) >= _LET_THROUGH


def test_what_makes_influxdb_answer_with_a_broken_header_is_the_callers_mistake(
    as_admin: EfdToken, admin_lease: Lease
) -> None:
    """It repeats a time zone that it does not know in a header, control characters included: that is no HTTP."""
    answer = _say(as_admin, admin_lease, f"SELECT * FROM \"{AZIMUTH.name}\" LIMIT 1 tz('Europe\x1eParis')")
    assert answer.status_code in _REFUSALS, answer.text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("CREATE DATABASE evil", "CREATE"),
        (f'DROP MEASUREMENT "{AZIMUTH.name}"', "DROP"),
        (f'SELECT * INTO evil FROM "{AZIMUTH.name}"', "SELECT INTO"),
        ("SHOW USERS", "SHOW USERS"),
        ("DELETE FROM x", "DELETE"),
    ],
)
def test_a_refusal_names_the_kind_of_the_statement_and_not_the_statement(
    as_admin: EfdToken, admin_lease: Lease, text: str, kind: str
) -> None:
    answer = _say(as_admin, admin_lease, text)
    assert answer.status_code == 403
    assert problem(answer) == "policy_denied"
    assert kind in answer.json()["hint"]
    assert "evil" not in answer.text


def test_show_databases_tells_only_of_those_of_the_key(
    as_admin: EfdToken, admin_lease: Lease, influxdb: InfluxDB
) -> None:
    watch = influxdb.tap.from_now()
    answer = _say(as_admin, admin_lease, "SHOW DATABASES")
    (series,) = answer.json()["results"][0]["series"]
    assert series == {"name": "databases", "columns": ["name"], "values": [[DATABASE]]}
    assert watch.sent == b""


def test_a_refused_statement_is_audited_with_its_kind_and_never_its_text(
    as_admin: EfdToken, admin_lease: Lease
) -> None:
    _say(as_admin, admin_lease, "CREATE DATABASE to_be_found_nowhere")
    event = as_admin.audit(event="request", status=403, key="usdf_efd", statements="CREATE DATABASE")
    assert event["user"] == "ada"
    assert "to_be_found_nowhere" not in as_admin.log.read_text()


def test_a_query_is_audited_with_its_kinds_and_never_its_literals(as_admin: EfdToken, admin_lease: Lease) -> None:
    text = f"SELECT * FROM \"{AZIMUTH.name}\" WHERE s = 'found nowhere'; SHOW MEASUREMENTS"
    assert _say(as_admin, admin_lease, text).status_code == 200
    event = as_admin.audit(event="request", status=200, key="usdf_efd", statements="SELECT, SHOW MEASUREMENTS")
    assert event["user"] == "ada"
    assert event["bytes"] > 0
    assert "found nowhere" not in as_admin.log.read_text()


def _say(service: EfdToken, lease: Lease, text: str, method: str = "POST") -> httpx.Response:
    form = {"q": text, "db": DATABASE}
    return service.ask(method, _QUERY, auth=lease.auth, **({"data": form} if method == "POST" else {"params": form}))
