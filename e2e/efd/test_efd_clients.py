"""The client of the EFD, unmodified: it has no parameter for a token, and insists on https."""

import pytest

from lib.efd.notebook import CONNECT, Notebook, Raised
from lib.efd.seed import AZIMUTH, BEGIN, END, PACKED, ROWS, TEMPERATURE, TOPICS
from lib.efd.service import DEFAULT_HOST, PREFIX, EfdToken
from lib.efd.site import Site

SELECT = """
from astropy.time import Time
frame = await client.select_time_series(topic, fields, Time(begin, scale="utc"), Time(end, scale="utc"))
result = {
    "rows": len(frame),
    "first": frame[fields].iloc[0].tolist(),
    "last": frame[fields].iloc[-1].tolist(),
    "begin": str(frame.index[0]),
}
"""
_SPAN = {"begin": BEGIN.strftime("%Y-%m-%dT%H:%M:%S"), "end": END.strftime("%Y-%m-%dT%H:%M:%S")}
_ALL_ROWS = {"rows": ROWS, "first": [0.0, 1], "last": [(ROWS - 1) / 10, 2], "begin": "2026-10-01 00:00:00+00:00"}


def with_token(efd: EfdToken, token: str) -> str:
    """The address of the service as somebody writes it who cannot give a token in any other way."""
    return f"https://{token}:@127.0.0.1:{efd.port}{PREFIX}/"


@pytest.mark.parametrize("key", ["usdf_efd", "shared_efd"])
def test_the_efd_client_selects_a_time_series_with_its_token_in_the_address(
    efd: EfdToken, notebook: Notebook, ada: str, key: str
) -> None:
    notebook.run(CONNECT, key=key, service=with_token(efd, ada))
    series = notebook.run(SELECT, topic=AZIMUTH.name, fields=["actualPosition", "salIndex"], **_SPAN)
    assert series == _ALL_ROWS


@pytest.mark.parametrize("key", ["usdf_efd", "shared_efd"])
def test_the_bare_efd_client_selects_a_time_series_with_its_token_in_netrc(netrc_notebook: Notebook, key: str) -> None:
    netrc_notebook.run("from lsst_efd_client import EfdClient\nclient = EfdClient(key)", key=key)
    series = netrc_notebook.run(SELECT, topic=AZIMUTH.name, fields=["actualPosition", "salIndex"], **_SPAN)
    assert series == _ALL_ROWS


@pytest.mark.parametrize("key", ["usdf_efd", "shared_efd"])
def test_the_efd_client_lists_topics_and_fields(efd: EfdToken, notebook: Notebook, ada: str, key: str) -> None:
    cell = "result = [await client.get_topics(), await client.get_fields(topic)]"
    notebook.run(CONNECT, key=key, service=with_token(efd, ada))
    topics, fields = notebook.run(cell, topic=TEMPERATURE.name)
    assert set(topics) == {topic.name for topic in TOPICS}
    assert set(fields) == set(TEMPERATURE.fields)


def test_the_efd_client_selects_the_newest_rows(efd: EfdToken, notebook: Notebook, ada: str) -> None:
    notebook.run(CONNECT, key="usdf_efd", service=with_token(efd, ada))
    cell = 'frame = await client.select_top_n(topic, ["private_seqNum"], 3)\nresult = frame["private_seqNum"].tolist()'
    assert sorted(notebook.run(cell, topic=AZIMUTH.name)) == [ROWS - 3, ROWS - 2, ROWS - 1]


def test_the_efd_client_unpacks_a_packed_time_series(efd: EfdToken, notebook: Notebook, ada: str) -> None:
    notebook.run(CONNECT, key="usdf_efd", service=with_token(efd, ada))
    cell = """
from astropy.time import Time
begin, end = Time(begin, scale="utc"), Time(end, scale="utc")
frame = await client.select_packed_time_series(topic, "rawAccelerometer", begin, end)
result = len(frame)
"""
    assert notebook.run(cell, topic=PACKED.name, **_SPAN) == 5 * ROWS


def test_the_efd_client_lists_the_keys(efd: EfdToken, notebook: Notebook, netrc_notebook: Notebook, ada: str) -> None:
    cell = "from lsst_efd_client import EfdClient\nresult = EfdClient.list_efd_names(*service)"
    assert netrc_notebook.run(cell, service=[]) == ["shared_efd", "summit_efd", "usdf_efd"]
    assert notebook.run(cell, service=[with_token(efd, ada)]) == ["shared_efd", "summit_efd", "usdf_efd"]


def test_a_lease_leads_the_client_to_the_address_that_it_asked_at(netrc_notebook: Notebook) -> None:
    cell = """
from lsst_efd_client.auth_helper import NotebookAuth
result = NotebookAuth().get_auth("usdf_efd")
"""
    host, registry, port, username, password, path = netrc_notebook.run(cell)
    assert (host, port, path) == (DEFAULT_HOST, "443", f"{PREFIX}/efd/usdf_efd/")
    assert username == "ada"
    assert password.startswith("nbl1.")
    assert registry.startswith("https://")


def test_the_efd_client_without_a_token_is_refused(efd: EfdToken, notebook: Notebook) -> None:
    with pytest.raises(Raised, match=r"RuntimeError: .*failed with Error 401") as raised:
        notebook.run(CONNECT, key="usdf_efd", service=f"{efd.direct}{PREFIX}/")
    assert raised.value.kind == "RuntimeError"


def test_the_bare_efd_client_without_a_token_is_refused(site: Site, efd: EfdToken) -> None:
    empty = Notebook(site.bench, site.authority, "notebook-without-a-token", hosts={DEFAULT_HOST: efd.port})
    with pytest.raises(Raised, match=r"RuntimeError: .*failed with Error 401"):
        empty.run('from lsst_efd_client import EfdClient\nEfdClient("usdf_efd")')


def test_the_efd_client_with_a_token_that_is_nobodys_is_refused(efd: EfdToken, notebook: Notebook, site: Site) -> None:
    token = site.ledger.platform_token("gt-AAAAAAAAAAAAAAAAAAAAAA.BBBBBBBBBBBBBBBBBBBBBB")
    with pytest.raises(Raised, match=r"RuntimeError: .*failed with Error 401"):
        notebook.run(CONNECT, key="usdf_efd", service=with_token(efd, token))


def test_the_efd_client_says_of_a_missing_key_what_it_says_of_segwarides(
    efd: EfdToken, notebook: Notebook, ada: str
) -> None:
    with pytest.raises(Raised, match="ValueError: No credentials available for nowhere_efd"):
        notebook.run(CONNECT, key="nowhere_efd", service=with_token(efd, ada))
