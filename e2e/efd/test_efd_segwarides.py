"""What segwarides' own tests pin, with a token, and the same keys in the dialect of Repertoire."""

import json
import re

import pytest

from lib.efd.documents import SCHEMA_REGISTRY, efd_document
from lib.efd.influxdb import Account
from lib.efd.service import DISCOVERY, EfdToken
from lib.efd.site import Site

# As in the original's tests/handlers/secret; the third is no JSON.
_DOCUMENTS = {
    "cred1": '{"username": "foo", "password": "bar", "endpoint": "somewhere.on/the/web"}\n',
    "cred2": '{ "token":"ae01453bc3221455fd",\n  "endpoint":"somewhere.else.on/the/web" }',
    "cred3": "not JSON",
    "lab_efd": efd_document(Account("lab", "labs-shared-password"), host="influx.lab.example.org", port=8443, path="/"),
}
_METADATA = ("name", "version", "description", "repository_url", "documentation_url")


@pytest.fixture(scope="module")
def original(site: Site) -> EfdToken:
    """The original's documents, handed out as the original does."""
    keys = [{"name": name, "mode": "shared"} for name in _DOCUMENTS]
    return site.start("segwarides", _DOCUMENTS, keys)


@pytest.mark.parametrize("path", ["", "/"])
def test_the_prefix_answers_metadata_with_and_without_a_slash(original: EfdToken, ada: str, path: str) -> None:
    answer = original.get(path, ada)
    assert answer.status_code == 200
    metadata = answer.json()["_metadata"]
    assert all(isinstance(metadata[name], str) for name in _METADATA)


@pytest.mark.parametrize("path", ["", "/", "/list", "/creds/cred1", "/creds/missing"])
def test_nobody_is_told_anything(original: EfdToken, path: str) -> None:
    answer = original.get(path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"]


def test_the_root_answers_metadata_to_probes(original: EfdToken) -> None:
    answer = original.ask("GET", "/")
    assert answer.status_code == 200
    assert set(_METADATA) <= set(answer.json())


@pytest.mark.parametrize("key", ["cred1", "cred2", "lab_efd"])
def test_a_document_is_handed_out_byte_for_byte(original: EfdToken, ada: str, key: str) -> None:
    answer = original.get(f"/creds/{key}", ada)
    assert answer.status_code == 200
    assert answer.text == _DOCUMENTS[key]
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"


def test_a_document_that_is_no_json_is_an_error_in_the_originals_words(original: EfdToken, ada: str) -> None:
    answer = original.get("/creds/cred3", ada)
    assert answer.status_code == 500
    assert answer.text == "Unable to decode credentials JSON document"
    assert answer.headers["content-type"].startswith("text/plain")


def test_a_missing_key_is_told_in_the_originals_words(original: EfdToken, ada: str) -> None:
    answer = original.get("/creds/missing", ada)
    assert answer.status_code == 404
    assert answer.text == "No credentials for missing."
    assert answer.headers["content-type"].startswith("text/plain")


def test_the_list_has_all_keys_but_those_that_cannot_be_read(original: EfdToken, ada: str) -> None:
    answer = original.get("/list", ada)
    assert answer.status_code == 200
    assert answer.json() == ["cred1", "cred2", "lab_efd"]
    assert answer.headers["cache-control"] == "no-store"


def test_the_other_dialect_has_the_databases_among_them(original: EfdToken, ada: str) -> None:
    answer = original.discover("", ada)
    assert answer.status_code == 200
    (label,) = answer.json()["influxdb_databases"]
    assert label == "lab_efd"
    described = answer.json()["influxdb_databases"][label]
    assert described["url"] == "https://influx.lab.example.org:8443/"
    assert described["database"] == "efd"
    assert described["schema_registry"] == SCHEMA_REGISTRY
    assert described["credentials_url"] == f"{original.site}{DISCOVERY}/influxdb/lab_efd"
    assert not {"username", "password"} & set(described)


def test_the_other_dialect_hands_out_the_same_credentials(original: EfdToken, ada: str) -> None:
    answer = original.discover("/influxdb/lab_efd", ada)
    assert answer.status_code == 200
    handed, stored = answer.json(), json.loads(_DOCUMENTS["lab_efd"])
    for name in ("username", "password", "schema_registry"):
        assert handed[name] == stored[name]
    assert handed["url"] == "https://influx.lab.example.org:8443/"
    assert handed["database"] == "efd"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("label", ["missing", "cred1", "cred2", "cred3", "", "x/y", "lab_efd/"])
def test_the_other_dialect_knows_nothing_else(original: EfdToken, ada: str, label: str) -> None:
    assert original.discover(f"/influxdb/{label}", ada).status_code == 404


@pytest.mark.parametrize("path", ["", "/influxdb/lab_efd", "/influxdb/missing"])
def test_the_other_dialect_tells_nobody_anything(original: EfdToken, path: str) -> None:
    assert original.discover(path).status_code == 401


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/", "/list", "/creds/cred1"])
def test_what_is_handed_out_is_only_read(original: EfdToken, ada: str, method: str, path: str) -> None:
    assert original.ask(method, f"/segwarides{path}", ada, content=b"{}").status_code == 405


@pytest.mark.parametrize(
    "name", ["..", ".", "..data", ".hidden", "cred1/", "cred1/x", "a" * 129, "%00", "cr%65d1%2f", "<b>"]
)
def test_a_name_that_no_key_can_have_is_a_missing_key(original: EfdToken, ada: str, name: str) -> None:
    answer = original.raw("GET", f"/segwarides/creds/{name}", f"Bearer {ada}", {})
    assert answer.status_code in (400, 404)
    if answer.headers.get("content-type", "").startswith("text/plain"):
        assert re.fullmatch(r"No credentials for .*\.", answer.text, re.DOTALL)
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_who_asks_is_told_who_they_are(original: EfdToken, ada: str) -> None:
    answer = original.get("/-/me", ada)
    assert answer.status_code == 200
    assert answer.json()["user"] == "ada"
