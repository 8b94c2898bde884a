"""Who may read which key: what somebody may not read is not there for them, in any way that could be told."""

import json
import secrets

import httpx
import pytest

from lib.bench import Bench
from lib.efd.documents import efd_document
from lib.efd.influxdb import InfluxDB
from lib.efd.leases import claims_of
from lib.efd.notebook import Notebook
from lib.efd.seed import AZIMUTH, DATABASE, ROWS
from lib.efd.service import PREFIX, EfdToken
from lib.efd.site import SCOPE, Site
from lib.leaks import Ledger
from lib.standin import Answer, Request, StandIn

_COUNT = f'SELECT COUNT("actualPosition") FROM "{AZIMUTH.name}"'
_EVERYBODYS = ["all_efd", "open_efd", "weather_api"]
_CHANGING = {"date", "x-request-id"}


class WeatherApi(StandIn):
    """Stands in for a third party that is called directly, with one key for everybody at the site."""

    def __init__(self, bench: Bench, token: str) -> None:
        super().__init__(bench, "weather-api")
        self.calls = 0
        self.token = token

    def answer(self, request: Request) -> Answer:
        """As such services do."""
        self.calls += 1
        if request.headers.get("X-API-Key") != self.token:
            return Answer(403, {"error": "who are you?"})
        return Answer(200, {"place": request.path, "wind": 7.5})


@pytest.fixture(scope="module")
def weather(bench: Bench, ledger: Ledger) -> WeatherApi:
    """The third party; its key may be handed out and not logged."""
    return WeatherApi(bench, ledger.shared_secret(secrets.token_urlsafe(24)))


@pytest.fixture(scope="module")
def guarded(site: Site, influxdb: InfluxDB, weather: WeatherApi) -> EfdToken:
    """Keys for everybody, for a scope, for a group, for people, for all of these, and one that is not listed."""
    leased = {"url": influxdb.url, "databases": [DATABASE]}
    keys = [
        {"name": "all_efd"} | leased,
        {"name": "scope_efd", "required_scopes": ["read:summit", "read:tap"]} | leased,
        {"name": "group_efd", "groups": ["summit", "observers"]} | leased,
        {"name": "user_efd", "users": ["bea", "cyd"]} | leased,
        {"name": "group_or_user_efd", "groups": ["summit"], "users": ["ada"]} | leased,
        {"name": "scope_and_group_efd", "required_scopes": ["read:summit"], "groups": ["observers"]} | leased,
        {"name": "open_efd", "anonymous": True} | leased,
        {"name": "weather_api", "mode": "shared"},
        {"name": "secret_api", "mode": "shared", "users": ["bea"]},
    ]
    endpoint = f"http://127.0.0.1:{weather.port}/v1/"
    api = json.dumps({"token": weather.token, "endpoint": endpoint})
    documents = {str(key["name"]): efd_document(influxdb.reader) for key in keys}
    documents |= {"weather_api": api, "secret_api": api, "unlisted_efd": efd_document(influxdb.reader)}
    return site.start("guarded", documents, keys, tenant={"unlisted_keys": "hidden"})


@pytest.mark.parametrize(
    ("user", "scopes", "groups", "more"),
    [
        ("ada", [], [], ["group_or_user_efd"]),
        ("ada", [], ["observers"], ["group_efd", "group_or_user_efd"]),
        ("dan", [], ["summit"], ["group_efd", "group_or_user_efd"]),
        ("bea", [], [], ["secret_api", "user_efd"]),
        ("dan", ["read:summit"], [], []),
        ("dan", ["read:summit", "read:tap"], [], ["scope_efd"]),
        ("dan", ["read:summit"], ["observers"], ["group_efd", "scope_and_group_efd"]),
        ("dan", ["read:summit:more", "read"], ["observer", "summit/x"], []),
    ],
)
def test_each_sees_what_is_theirs(
    guarded: EfdToken, site: Site, user: str, scopes: list[str], groups: list[str], more: list[str]
) -> None:
    token = site.token(user, [SCOPE, *scopes], groups=groups)
    expected = sorted([*_EVERYBODYS, *more])
    assert guarded.get("/list", token).json() == expected
    labels = guarded.discover("", token).json()["influxdb_databases"]
    assert sorted(labels) == [key for key in expected if key.endswith("_efd")]
    every = [
        *_EVERYBODYS,
        "scope_efd",
        "group_efd",
        "user_efd",
        "group_or_user_efd",
        "scope_and_group_efd",
        "secret_api",
    ]
    handed = {key: guarded.get(f"/creds/{key}", token).status_code for key in every}
    assert handed == {key: 200 if key in expected else 404 for key in every}
    queried = {
        key: guarded.query(_COUNT, key=key, auth=(user, token)).status_code for key in every if key.endswith("_efd")
    }
    assert queried == {key: 200 if key in expected else 404 for key in queried}


def _as_if_missing(answer: httpx.Response, key: str) -> tuple[int, str, list[tuple[str, str]]]:
    headers = sorted((name, value) for name, value in answer.headers.items() if name not in _CHANGING)
    text = answer.text
    if answer.headers["content-type"].startswith("application/problem+json"):
        body = answer.json()
        body.pop("request_id")
        text = json.dumps(body)
    return answer.status_code, text.replace(key, "KEY"), headers


@pytest.mark.parametrize("key", ["user_efd", "secret_api", "unlisted_efd"])
@pytest.mark.parametrize("way", ["creds", "discovery", "query", "refused query", "why"])
def test_a_key_of_others_is_not_to_be_told_from_one_that_is_not_there(
    guarded: EfdToken, ada: str, key: str, way: str
) -> None:
    missing = "x" * len(key)

    def ask(name: str) -> httpx.Response:
        if way == "creds":
            return guarded.get(f"/creds/{name}", ada)
        if way == "discovery":
            return guarded.discover(f"/influxdb/{name}", ada)
        if way == "why":
            return guarded.get("/-/why", ada, params={"method": "GET", "path": f"{PREFIX}/creds/{name}"})
        return guarded.query(_COUNT if way == "query" else "DROP DATABASE efd", key=name, auth=("ada", ada))

    assert _as_if_missing(ask(key), key) == _as_if_missing(ask(missing), missing)


def test_a_token_without_the_scope_of_the_site_is_refused(guarded: EfdToken, site: Site) -> None:
    token = site.token("ada", ["read:image"])
    for answer in (guarded.get("/list", token), guarded.get("/creds/all_efd", token), guarded.discover("", token)):
        assert answer.status_code == 403
    assert guarded.query(_COUNT, key="all_efd", auth=("ada", token)).status_code == 403


def test_an_anonymous_key_is_there_for_callers_without_a_token(guarded: EfdToken) -> None:
    assert guarded.get("/").status_code == 200
    assert guarded.get("/list").json() == ["open_efd"]
    assert list(guarded.discover("").json()["influxdb_databases"]) == ["open_efd"]
    assert guarded.get("/creds/all_efd").status_code == 404
    assert guarded.get("/creds/all_efd").text == "No credentials for all_efd."


def test_an_anonymous_lease_is_nobodys_and_good_for_its_key(guarded: EfdToken, ledger: Ledger) -> None:
    document = guarded.get("/creds/open_efd").json()
    ledger.platform_token(document["password"])
    assert claims_of(document["password"])["key"] == "open_efd"
    auth = (document["username"], document["password"])
    answer = guarded.query(_COUNT, key="open_efd", auth=auth)
    assert answer.json()["results"][0]["series"][0]["values"][0][1] == ROWS
    assert guarded.query(_COUNT, key="all_efd", auth=auth).status_code == 404
    assert guarded.query(_COUNT, key="open_efd").status_code == 401, "a query without anything"


def test_a_bad_token_is_not_taken_for_none(guarded: EfdToken, site: Site) -> None:
    nobodys = site.ledger.platform_token("gt-EEEEEEEEEEEEEEEEEEEEEE.FFFFFFFFFFFFFFFFFFFFFF")
    assert guarded.get("/creds/open_efd", nobodys).status_code == 401
    assert guarded.get("/list", nobodys).status_code == 401


def test_an_anonymous_key_is_shouted_about_at_the_start(guarded: EfdToken) -> None:
    warnings = [json.dumps(event) for event in guarded.events() if event.get("level") in ("WARN", "ERROR")]
    assert any("anonymous" in warning for warning in warnings)


def test_a_key_of_another_shape_is_fetched_and_used(guarded: EfdToken, notebook: Notebook, ada: str) -> None:
    """The fourth pattern of the technote: a third party's API, called directly with a shared key that is not public."""
    cell = """
import requests
handed = requests.get(service + "creds/weather_api", headers={"Authorization": "Bearer " + token}, timeout=15).json()
answer = requests.get(handed["endpoint"] + "summit", headers={"X-API-Key": handed["token"]}, timeout=15)
result = [answer.status_code, answer.json()]
"""
    got = notebook.run(cell, service=f"{guarded.direct}{PREFIX}/", token=ada)
    assert got == [200, {"place": "/v1/summit", "wind": 7.5}]
    guarded.audit(event="request", key="weather_api", mode="shared", status=200, user="ada")


def test_a_key_of_another_shape_is_no_database(guarded: EfdToken, ada: str, weather: WeatherApi) -> None:
    before = weather.calls
    assert guarded.discover("/influxdb/weather_api", ada).status_code == 404
    assert guarded.query(_COUNT, key="weather_api", auth=("ada", ada)).status_code == 404
    assert weather.calls == before


def test_a_key_of_another_shape_is_nothing_to_warn_of(guarded: EfdToken) -> None:
    warnings = [json.dumps(event) for event in guarded.events() if event.get("level") in ("WARN", "ERROR")]
    assert not [warning for warning in warnings if "weather_api" in warning]
