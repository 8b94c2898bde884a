"""Behind Gafaelfawr: hand-outs through an ingress that asks who calls, queries through one that does not."""

import pytest

from lib.ask import ask
from lib.efd.ingress import Ingress
from lib.efd.notebook import CONNECT, Notebook
from lib.efd.seed import AZIMUTH, DATABASE, ROWS, TOPICS
from lib.efd.service import PREFIX, EfdToken
from lib.efd.site import SCOPE, Site

_COUNT = f'SELECT COUNT("actualPosition") FROM "{AZIMUTH.name}"'


@pytest.fixture(scope="module")
def ingress(site: Site, efd: EfdToken) -> Ingress:
    """Both, in front of the efd-token that most tests use."""
    return Ingress(site.bench, site.authority, site.gafaelfawr.url, efd.port, SCOPE)


def test_the_efd_client_works_through_both(ingress: Ingress, notebook: Notebook, ada: str) -> None:
    service = f"https://{ada}:@127.0.0.1:{ingress.port}{PREFIX}/"
    topics = notebook.run(CONNECT + "result = await client.get_topics()", key="usdf_efd", service=service)
    assert set(topics) == {topic.name for topic in TOPICS}


def test_a_lease_goes_through_the_one_that_asks_nobody(ingress: Ingress, site: Site, ada: str) -> None:
    trusting = site.authority.trusting()
    document = ask("GET", f"{ingress.url}{PREFIX}/creds/usdf_efd", ada, verify=trusting).json()
    assert (document["host"], document["port"]) == ("127.0.0.1", str(ingress.port))
    auth = (document["username"], site.ledger.platform_token(document["password"]))
    form = {"q": _COUNT, "db": DATABASE}
    url = f"{ingress.url}{document['path']}query"
    answer = ask("POST", url, data=form, auth=auth, verify=trusting)
    assert answer.json()["results"][0]["series"][0]["values"][0][1] == ROWS
    assert ask("POST", url, ada, data=form, verify=trusting).status_code == 401, "a platform token does not get there"
    assert ask("POST", url, data=form, auth=("ada", ada), verify=trusting).status_code == 401
    assert ask("POST", url, data=form, verify=trusting).status_code == 401


def test_hand_outs_want_a_token_that_the_ingress_knows(ingress: Ingress, site: Site) -> None:
    trusting = site.authority.trusting()
    for path in ("/list", "/creds/usdf_efd"):
        assert ask("GET", f"{ingress.url}{PREFIX}{path}", verify=trusting).status_code == 401
        poor = site.token("ada", ["read:image"])
        assert ask("GET", f"{ingress.url}{PREFIX}{path}", poor, verify=trusting).status_code == 403
