"""The documents change under way, and break in every way that files do: one key's trouble is no other's."""

import json
import os
import shutil
import time
from pathlib import Path

import psutil
import pytest

from lib.efd.documents import Documents, efd_document
from lib.efd.influxdb import InfluxDB
from lib.efd.service import EfdToken
from lib.efd.site import Site, Starts
from lib.poll import eventually

_NOTICED = 6.0
"""Seconds: the directory is looked at every two of them, and the machine may be busy."""
_MIB = 1024 * 1024
_UNREADABLE = "Unable to decode credentials JSON document"
_BROKEN = {
    "no JSON": b"not JSON",
    "nothing": b"",
    "half of a document": b'{"host": "influxdb.example.org", "pas',
    "a list": b"[]",
    "a text": b'"text"',
    "a number": b"42",
    "null": b"null",
    "no UTF-8": b'{"host": "\xff\xfe"}',
    "UTF-16": '{"host": "x"}'.encode("utf-16"),
    "a zero byte": b'{"host": "x"}\x00',
    "two documents": b'{"a": 1}{"b": 2}',
    "a deep one": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "10 MB": b'{"a": "' + b"x" * 10_000_000 + b'"}',
}


@pytest.fixture
def documents(site: Site, influxdb: InfluxDB) -> Documents:
    """A Secret of the test's own: one leased key, one shared, one that goes wrong."""
    good = {"usdf_efd": efd_document(influxdb.reader), "other_api": '{"token": "1"}', "wrong_api": '{"token": "2"}'}
    return site.documents(f"store-{time.monotonic_ns()}", good)


@pytest.fixture
def store(starts: Starts, documents: Documents, influxdb: InfluxDB) -> EfdToken:
    """An efd-token that hands them out."""
    return _start(starts, documents, influxdb)


def _start(starts: Starts, documents: Documents, influxdb: InfluxDB, **rest: object) -> EfdToken:
    names = ("other_api", "wrong_api", "new_api")
    keys = [{"name": "usdf_efd", "url": influxdb.url}, *({"name": name, "mode": "shared"} for name in names)]
    return starts("store", documents, keys, **rest)


def _listed(store: EfdToken, token: str, *keys: str) -> None:
    """Before long, these are the keys."""
    eventually(f"{keys} are listed", lambda: store.get("/list", token).json() == [*keys], within=_NOTICED, every=0.05)


def _hands_out(store: EfdToken, caller: str, key: str, token: str) -> None:
    """Before long, this is what the key holds."""
    eventually(
        f"{key} is {token}",
        lambda: store.get(f"/creds/{key}", caller).json() == {"token": token},
        within=2 * _NOTICED,
        every=0.05,
    )


def test_a_key_that_is_added_is_there_without_a_restart(store: EfdToken, documents: Documents, ada: str) -> None:
    documents.change(new_api='{"token": "3"}')
    _listed(store, ada, "new_api", "other_api", "usdf_efd", "wrong_api")
    assert store.get("/creds/new_api", ada).json() == {"token": "3"}


def test_a_key_that_is_changed_is_handed_out_as_it_is_now(store: EfdToken, documents: Documents, ada: str) -> None:
    documents.change(wrong_api='{"token": "4"}')
    _hands_out(store, ada, "wrong_api", "4")


def test_a_key_that_is_taken_away_is_missing(store: EfdToken, documents: Documents, ada: str) -> None:
    documents.remove("wrong_api")
    _listed(store, ada, "other_api", "usdf_efd")
    assert store.get("/creds/wrong_api", ada).text == "No credentials for wrong_api."


@pytest.mark.parametrize("what", _BROKEN)
def test_a_broken_document_is_trouble_for_its_key_alone(
    store: EfdToken, documents: Documents, ada: str, what: str
) -> None:
    documents.change(wrong_api=_BROKEN[what])
    _listed(store, ada, "other_api", "usdf_efd")
    answer = store.get("/creds/wrong_api", ada)
    assert (answer.status_code, answer.text) == (500, _UNREADABLE)
    assert store.lease(ada).username == "ada"
    assert store.get("/creds/other_api", ada).json() == {"token": "1"}
    assert store.ready, "the others are served"
    documents.change(wrong_api='{"token": "mended"}')
    _listed(store, ada, "other_api", "usdf_efd", "wrong_api")


@pytest.mark.parametrize("what", _BROKEN)
def test_a_document_that_is_broken_at_the_start_keeps_nothing_from_starting(
    starts: Starts, documents: Documents, influxdb: InfluxDB, ada: str, what: str
) -> None:
    documents.change(wrong_api=_BROKEN[what])
    store = _start(starts, documents, influxdb)
    assert store.get("/list", ada).json() == ["other_api", "usdf_efd"]
    assert "wrong_api" in store.log.read_text(), "nobody is told"


def test_ten_megabytes_do_not_stay_in_memory(store: EfdToken, documents: Documents, ada: str) -> None:
    process = psutil.Process(store.peer.process.pid)
    before = process.memory_info().rss
    for token in "abcde":
        documents.change(wrong_api=_BROKEN["10 MB"], other_api=json.dumps({"token": token}))
        _hands_out(store, ada, "other_api", token)
    assert process.memory_info().rss - before < 25 * _MIB


def test_a_document_of_an_influxdb_without_a_password_is_trouble_for_its_key(
    store: EfdToken, documents: Documents, ada: str
) -> None:
    whole = str(documents["usdf_efd"])
    documents.change(usdf_efd=json.dumps({"host": "influxdb.example.org"}))
    _listed(store, ada, "other_api", "wrong_api")
    assert store.get("/creds/usdf_efd", ada).status_code == 500
    documents.change(usdf_efd=whole)
    _listed(store, ada, "other_api", "usdf_efd", "wrong_api")


def test_fields_that_clients_miss_are_warned_of_when_a_document_is_read(
    store: EfdToken, documents: Documents, influxdb: InfluxDB
) -> None:
    account = {"username": influxdb.reader.name, "password": influxdb.reader.password}
    documents.change(usdf_efd=json.dumps(account | {"host": "influxdb.example.org", "colour": "blue"}))

    def warned() -> bool:
        texts = [json.dumps(event) for event in store.events() if event.get("level") == "WARN"]
        return all(any(field in text for text in texts) for field in ("schema_registry", "colour"))

    eventually("both are named", warned, within=_NOTICED)


@pytest.fixture
def plain(starts: Starts, documents: Documents, influxdb: InfluxDB) -> tuple[EfdToken, Path]:
    """A directory that somebody fills by hand, where nothing is swapped."""
    directory = documents.directory.with_name(documents.directory.name + "-plain")
    directory.mkdir()
    for name in ("usdf_efd", "other_api", "wrong_api"):
        (directory / name).write_text(str(documents[name]))
    return _start(starts, documents, influxdb, tenant={"directory": str(directory)}), directory


def test_a_half_written_document_is_trouble_for_its_key_until_it_is_whole(
    plain: tuple[EfdToken, Path], ada: str
) -> None:
    store, directory = plain
    text = '{"token": "written slowly"}'
    with (directory / "wrong_api").open("w") as file:
        file.write(text[:10])
        file.flush()
        _listed(store, ada, "other_api", "usdf_efd")
        file.write(text[10:])
    _listed(store, ada, "other_api", "usdf_efd", "wrong_api")
    assert store.get("/creds/wrong_api", ada).json() == {"token": "written slowly"}


def test_a_directory_that_is_gone_leaves_what_was_read_last(plain: tuple[EfdToken, Path], ada: str) -> None:
    store, directory = plain
    away = directory.with_name(directory.name + "-away")
    directory.rename(away)
    eventually("it is said in the log", lambda: _complains(store), within=2 * _NOTICED)
    assert store.get("/list", ada).json() == ["other_api", "usdf_efd", "wrong_api"]
    assert store.lease(ada).username == "ada"
    (away / "wrong_api").write_text('{"token": "5"}')
    away.rename(directory)
    _hands_out(store, ada, "wrong_api", "5")


def _complains(store: EfdToken) -> bool:
    return any(event.get("level") in ("WARN", "ERROR") and "director" in json.dumps(event) for event in store.events())


def test_a_directory_that_is_made_anew_is_followed(plain: tuple[EfdToken, Path], ada: str) -> None:
    store, directory = plain
    shutil.rmtree(directory)
    directory.mkdir()
    (directory / "new_api").write_text('{"token": "6"}')
    eventually("it is read", lambda: store.get("/list", ada).json() == ["new_api"], within=2 * _NOTICED)


def test_what_is_no_document_is_passed_over(plain: tuple[EfdToken, Path], ada: str) -> None:
    store, directory = plain
    os.mkfifo(directory / "a-pipe")
    (directory / "a-folder").mkdir()
    (directory / ".hidden").write_text("{}")
    (directory / "a name").write_text("{}")
    (directory / "other_api.swp~").write_text("{}")
    (directory / "to-nowhere").symlink_to("nowhere")
    (directory / "to-itself").symlink_to("to-itself")
    (directory / "to-zeros").symlink_to("/dev/zero")
    (directory / "new_api").write_text("{}")
    _listed(store, ada, "new_api", "other_api", "usdf_efd", "wrong_api")
    (directory / "new_api").unlink()
    _listed(store, ada, "other_api", "usdf_efd", "wrong_api")
    for name in ("a-pipe", "a-folder", ".hidden", "to-zeros"):
        assert store.get(f"/creds/{name}", ada).status_code in (404, 500)


def _without_privilege() -> list[str]:
    """A superuser may read everything: this takes that away from the service."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]


def test_a_document_that_may_not_be_read_is_trouble_for_its_key_alone(
    starts: Starts, documents: Documents, influxdb: InfluxDB, ada: str
) -> None:
    directory = documents.directory.with_name(documents.directory.name + "-denied")
    directory.mkdir()
    for name in ("usdf_efd", "other_api", "wrong_api"):
        (directory / name).write_text(str(documents[name]))
    (directory / "wrong_api").chmod(0)
    store = _start(starts, documents, influxdb, tenant={"directory": str(directory)}, under=_without_privilege())
    assert store.get("/list", ada).json() == ["other_api", "usdf_efd"]
    assert store.get("/creds/wrong_api", ada).status_code == 500
    (directory / "wrong_api").chmod(0o600)
    _listed(store, ada, "other_api", "usdf_efd", "wrong_api")
    directory.chmod(0)
    try:
        eventually("it is said in the log", lambda: _complains(store), within=2 * _NOTICED)
        assert store.get("/list", ada).json() == ["other_api", "usdf_efd", "wrong_api"]
    finally:
        directory.chmod(0o700)


def test_ten_thousand_documents_are_served(starts: Starts, site: Site, influxdb: InfluxDB, ada: str) -> None:
    many = {f"lab{number:04d}_efd": efd_document(influxdb.reader) for number in range(9_999)}
    documents = site.documents(f"many-{time.monotonic_ns()}", many | {"usdf_efd": efd_document(influxdb.reader)})
    store = _start(starts, documents, influxdb)
    assert len(store.get("/list", ada).json()) == 10_000
    assert store.lease(ada, "lab9998_efd").username == "ada"
    slowest = 0.0
    for number in range(50):
        before = time.monotonic()
        assert store.get(f"/creds/lab{number:04d}_efd", ada).status_code == 200
        slowest = max(slowest, time.monotonic() - before)
    assert slowest < 1, "a request waits while the documents are read"
