"""The same at a JupyterHub, the real one: its tokens, its scopes, and a token that its owner takes back."""

from collections.abc import Iterator

import pytest

from lib.bench import Bench
from lib.efd.documents import efd_document
from lib.efd.influxdb import InfluxDB
from lib.efd.notebook import CONNECT, Notebook
from lib.efd.seed import AZIMUTH, DATABASE, ROWS, TOPICS
from lib.efd.service import PREFIX, EfdToken
from lib.efd.site import Site
from lib.hub import Hub
from lib.leaks import Ledger
from lib.poll import eventually

_COUNT = f'SELECT COUNT("actualPosition") FROM "{AZIMUTH.name}"'


@pytest.fixture(scope="module")
def hub(bench: Bench, ledger: Ledger) -> Iterator[Hub]:
    """A JupyterHub that lets astronomers use the service `efd`."""
    hub = Hub(bench, ledger, groups={"astronomers": ["ada"]}, reader_groups=["astronomers"], open_services=["efd"])
    hub.start()
    yield hub
    hub.stop()


@pytest.fixture(scope="module")
def beside_hub(site: Site, hub: Hub, influxdb: InfluxDB) -> EfdToken:
    """An efd-token that asks the hub."""
    identity = {
        "kind": "jupyterhub",
        "api_url": hub.api_url,
        "required_scopes": ["access:services!service=efd"],
        "cache_seconds": 1,
    }
    keys = [
        {"name": "usdf_efd", "url": influxdb.url, "databases": [DATABASE]},
        {"name": "group_efd", "url": influxdb.url, "databases": [DATABASE], "groups": ["astronomers"]},
        {"name": "others_efd", "url": influxdb.url, "databases": [DATABASE], "groups": ["others"]},
    ]
    documents = {str(key["name"]): efd_document(influxdb.reader) for key in keys}
    return site.start("hub", documents, keys, identity=identity)


def test_a_token_of_the_hub_is_good_for_leases_and_queries(beside_hub: EfdToken, hub: Hub) -> None:
    token = hub.token("ada")
    assert beside_hub.get("/list", token).json() == ["group_efd", "usdf_efd"]
    lease = beside_hub.lease(token)
    assert lease.username == "ada"
    assert beside_hub.rows(_COUNT, lease)[0][1] == ROWS
    assert beside_hub.query(_COUNT, auth=("ada", token)).status_code == 200
    assert beside_hub.get("/list", headers={"Authorization": f"token {token}"}).status_code == 200


def test_the_efd_client_uses_a_token_of_the_hub(beside_hub: EfdToken, hub: Hub, notebook: Notebook) -> None:
    service = f"https://ada:{hub.token('ada')}@127.0.0.1:{beside_hub.port}{PREFIX}/"
    topics = notebook.run(CONNECT + "result = await client.get_topics()", key="usdf_efd", service=service)
    assert set(topics) == {topic.name for topic in TOPICS}


def test_a_user_of_the_hub_without_the_scope_is_refused(beside_hub: EfdToken, hub: Hub) -> None:
    token = hub.token("eve")
    assert beside_hub.get("/list", token).status_code == 403
    assert beside_hub.query(_COUNT, auth=("eve", token)).status_code == 403


def test_a_token_that_was_taken_back_gets_nothing_more(beside_hub: EfdToken, hub: Hub) -> None:
    token = hub.token("ada")
    assert beside_hub.get("/list", token).status_code == 200
    hub.revoke("ada", token)
    eventually("it is refused", lambda: beside_hub.get("/list", token).status_code == 401, within=5)
    assert beside_hub.get("/creds/usdf_efd", token).status_code == 401
    assert beside_hub.query(_COUNT, auth=("ada", token)).status_code == 401
