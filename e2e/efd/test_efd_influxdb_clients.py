"""The clients that speak InfluxDB's own protocol, unmodified, with what they were handed."""

from typing import Any

import pytest

from lib.efd.notebook import Notebook, Raised
from lib.efd.seed import AZIMUTH, BEGIN, DATABASE, ROWS
from lib.efd.service import DISCOVERY, PREFIX, EfdToken

_COUNT = f'SELECT COUNT("actualPosition") FROM "{AZIMUTH.name}"'
_ALL = f'SELECT "actualPosition", "salIndex" FROM "{AZIMUTH.name}"'
_HANDED_OUT = """
import requests
handed = requests.get(service + "creds/" + key, headers={"Authorization": "Bearer " + token}, timeout=15).json()
"""
_INFLUXDB = """
from influxdb import DataFrameClient, InfluxDBClient
def connect(kind=InfluxDBClient, **settings):
    return kind(
        handed["host"], int(handed["port"]), handed["username"], handed["password"], "efd",
        ssl=True, verify_ssl=True, timeout=15, retries=1, **{"path": handed["path"].rstrip("/")} | settings
    )
client = connect()
"""
_AIOINFLUX = """
import aioinflux
def connect(**settings):
    return aioinflux.InfluxDBClient(
        host=handed["host"], port=handed["port"], path=handed["path"], ssl=True,
        username=handed["username"], password=handed["password"], db="efd", mode="async", **settings
    )
"""


@pytest.fixture(params=["usdf_efd", "shared_efd"])
def handed(request: pytest.FixtureRequest, efd: EfdToken, notebook: Notebook, ada: str) -> Notebook:
    """The notebook after it was handed a lease, and after it was handed what all share."""
    notebook.run(_HANDED_OUT, service=f"{efd.direct}{PREFIX}/", key=request.param, token=ada)
    return notebook


def test_the_influxdb_client_queries(handed: Notebook) -> None:
    handed.run(_INFLUXDB)
    points = handed.run("result = list(client.query(statement).get_points())", statement=f"{_ALL} LIMIT 2")
    assert [point["actualPosition"] for point in points] == [0.0, 0.1]


def test_the_influxdb_client_takes_the_path_as_it_was_handed_out(handed: Notebook) -> None:
    """It adds a slash of its own to the one at the end: `…//query`."""
    handed.run(_INFLUXDB)
    cell = 'client = connect(path=handed["path"])\nresult = client.query(statement).raw["series"][0]["values"][0][1]'
    assert handed.run(cell, statement=_COUNT) == ROWS


def test_the_influxdb_client_reads_messagepack(handed: Notebook) -> None:
    cell = """
answers = []
session = client._session
send = session.send
session.send = lambda *given, **more: answers.append(send(*given, **more)) or answers[-1]
count = client.query(statement).raw["series"][0]["values"][0][1]
result = [count, answers[0].headers["Content-Type"], answers[0].request.headers["Accept"]]
"""
    handed.run(_INFLUXDB)
    assert handed.run(cell, statement=_COUNT) == [ROWS, "application/x-msgpack", "application/x-msgpack"]


def test_the_influxdb_client_reads_chunks(handed: Notebook) -> None:
    cell = """
result = [len(list(part.get_points())) for part in client.query(statement, chunked=True, chunk_size=300)]
"""
    handed.run(_INFLUXDB)
    handed.run("client = connect(headers={'Accept': 'application/json'})")
    assert sum(handed.run(cell, statement=_ALL)) == ROWS


def test_the_influxdb_client_posts(handed: Notebook) -> None:
    handed.run(_INFLUXDB)
    cell = 'result = client.query(statement, method="POST").raw["series"][0]["values"][0][1]'
    assert handed.run(cell, statement=_COUNT) == ROWS


def test_the_influxdb_client_lists_measurements_and_pings(handed: Notebook) -> None:
    handed.run(_INFLUXDB)
    measurements = handed.run("result = [one['name'] for one in client.get_list_measurements()]")
    assert AZIMUTH.name in measurements
    assert handed.run("result = client.ping()")


def test_the_influxdb_client_lists_only_the_databases_of_the_key(handed: Notebook) -> None:
    handed.run(_INFLUXDB)
    databases = handed.run("result = [one['name'] for one in client.get_list_database()]")
    assert databases == [DATABASE]


def test_the_influxdb_client_makes_data_frames(handed: Notebook) -> None:
    handed.run(_INFLUXDB)
    cell = """
frame = connect(DataFrameClient).query(statement)[topic]
result = [len(frame), frame["actualPosition"].iloc[-1], str(frame.index[0])]
"""
    made = handed.run(cell, statement=_ALL, topic=AZIMUTH.name)
    assert made == [ROWS, (ROWS - 1) / 10, "2026-10-01 00:00:00+00:00"]


@pytest.mark.parametrize("output", ["json", "dataframe"])
def test_aioinflux_queries(handed: Notebook, output: str) -> None:
    handed.run(_AIOINFLUX)
    cell = """
async with connect(output=output) as client:
    answer = await client.query(statement, epoch="s")
result = len(answer) if output == "dataframe" else len(answer["results"][0]["series"][0]["values"])
"""
    assert handed.run(cell, statement=_ALL, output=output) == ROWS


def test_aioinflux_reads_chunks(handed: Notebook) -> None:
    handed.run(_AIOINFLUX)
    cell = """
sizes = []
async with connect(output="json") as client:
    async for chunk in await client.query(statement, chunked=True, chunk_size=300):
        sizes.append(len(chunk["results"][0]["series"][0]["values"]))
result = sizes
"""
    sizes = handed.run(cell, statement=_ALL)
    assert sum(sizes) == ROWS
    assert len(sizes) == ROWS // 300 + 1, "the answer did not come in chunks"


def test_pandas_reads_comma_separated_values(handed: Notebook) -> None:
    cell = """
import io, pandas
url = "https://{host}:{port}{path}query".format(**handed)
form = {"db": "efd", "q": statement, "epoch": "s"}
answer = requests.post(
    url, data=form, auth=(handed["username"], handed["password"]), headers={"Accept": "application/csv"}, timeout=15
)
frame = pandas.read_csv(io.StringIO(answer.text))
result = [len(frame), int(frame["time"].iloc[0]), answer.headers["Content-Type"]]
"""
    rows, first, kind = handed.run(cell, statement=_ALL)
    assert (rows, first) == (ROWS, int(BEGIN.timestamp()))
    assert kind.startswith(("application/csv", "text/csv"))


@pytest.mark.parametrize(
    "headers",
    [
        '{"Authorization": "Token " + handed["username"] + ":" + handed["password"]}',
        '{"Authorization": "Token " + handed["password"]}',
    ],
    ids=["user and password", "password alone"],
)
def test_a_client_of_influxdb_2_sends_a_lease_with_the_token_scheme(
    efd: EfdToken, notebook: Notebook, ada: str, headers: str
) -> None:
    notebook.run(_HANDED_OUT, service=f"{efd.direct}{PREFIX}/", key="usdf_efd", token=ada)
    cell = f"""
url = "https://{{host}}:{{port}}{{path}}query".format(**handed)
answer = requests.get(url, params={{"db": "efd", "q": statement}}, headers={headers}, timeout=15)
result = answer.json()["results"][0]["series"][0]["values"][0][1]
"""
    assert notebook.run(cell, statement=_COUNT) == ROWS


def _discovery_file(notebook: Notebook, discovery: dict[str, Any]) -> None:
    """As the platform puts it into each notebook; the package has its place written down, and no setting for it."""
    cell = """
import json, pathlib
from lsst.rsp import _discovery
_discovery._DISCOVERY_PATH = pathlib.Path.home() / "v1.json"
_discovery._DISCOVERY_PATH.write_text(json.dumps(discovery))
"""
    notebook.run(cell, discovery=discovery)


@pytest.mark.parametrize("label", ["usdf_efd", "shared_efd"])
def test_lsst_rsp_gets_credentials_that_are_good_for_queries(
    efd: EfdToken, rubin_notebook: Notebook, ada: str, label: str
) -> None:
    _discovery_file(rubin_notebook, efd.discover("", ada).json())
    cell = """
import httpx
from lsst.rsp import get_influxdb_credentials, get_influxdb_location, list_influxdb_labels
found = get_influxdb_credentials(label)
assert get_influxdb_location(label).url == found.url
answer = httpx.post(
    found.url.rstrip("/") + "/query", data={"db": found.database, "q": statement}, auth=(found.username, found.password)
)
result = {
    "labels": list_influxdb_labels(),
    "leased": found.password.startswith("nbl1."),
    "count": answer.json()["results"][0]["series"][0]["values"][0][1],
}
"""
    got = rubin_notebook.run(cell, label=label, statement=_COUNT)
    assert got == {"labels": ["shared_efd", "summit_efd", "usdf_efd"], "leased": label == "usdf_efd", "count": ROWS}


def test_lsst_rsp_with_a_token_that_is_nobodys_is_refused(efd: EfdToken, rubin_notebook: Notebook, ada: str) -> None:
    _discovery_file(rubin_notebook, efd.discover("", ada).json())
    cell = 'from lsst.rsp import get_influxdb_credentials\nget_influxdb_credentials("usdf_efd", "gt-nobodys-token")'
    with pytest.raises(Raised, match=f"401.*{DISCOVERY}/influxdb/usdf_efd"):
        rubin_notebook.run(cell)
