"""What a lease is good for, for whom, for how long, and how it ends before its time."""

import base64
import hashlib
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from lib.ask import problem
from lib.efd.documents import efd_document
from lib.efd.influxdb import InfluxDB
from lib.efd.leases import SigningKey, claims_of, encoded, make, put_together
from lib.efd.seed import AZIMUTH, DATABASE, ROWS
from lib.efd.service import PREFIX, EfdToken, Lease
from lib.efd.site import Site, Starts
from lib.poll import eventually

_COUNT = f'SELECT COUNT("actualPosition") FROM "{AZIMUTH.name}"'
_ENDED = 3.0
"""Seconds in which a revocation is in force: promised."""
_NOTICED = 6.0
"""Seconds for what is not promised: the files are looked at every two of them, and the machine may be busy."""
_SKEW = 300
_KEYS = ("usdf_efd", "summit_efd")


def _start(starts: Starts, influxdb: InfluxDB, name: str = "leases", **rest: object) -> EfdToken:
    """An efd-token of the test's own: what it revokes or moves is nobody else's."""
    keys = [{"name": key, "url": influxdb.url, "databases": [DATABASE]} for key in _KEYS]
    return starts(name, {key: efd_document(influxdb.reader) for key in _KEYS}, keys, **rest)


def _status(service: EfdToken, password: str, *, user: str = "ada", key: str = "usdf_efd") -> int:
    answer = service.query(_COUNT, key=key, auth=(user, password))
    if answer.status_code == 200:
        assert answer.json()["results"][0]["series"][0]["values"][0][1] == ROWS
    else:
        assert problem(answer)
    return answer.status_code


def _ends(service: EfdToken, lease: Lease, key: str = "usdf_efd") -> None:
    """The lease is refused before long."""
    eventually("the lease ends", lambda: _status(service, lease.password, key=key) == 401, within=_ENDED, every=0.05)


def test_a_lease_is_the_callers_own_and_leads_to_efd_token(efd: EfdToken, lease: Lease, influxdb: InfluxDB) -> None:
    assert lease.username == "ada"
    document = lease.document
    assert set(document) >= {"host", "port", "path", "username", "password", "schema_registry"}
    assert (document["host"], document["port"]) == ("127.0.0.1", str(efd.tap.port))
    assert document["path"] == f"{PREFIX}/efd/usdf_efd/"
    assert influxdb.reader.password not in json.dumps(document)


def test_a_lease_says_when_it_ends(lease: Lease) -> None:
    claims = claims_of(lease.password)
    assert claims["expires"] - claims["issued"] == 43_200
    assert abs(claims["issued"] - time.time()) < 60
    ends = datetime.fromisoformat(lease.document["expires"])
    assert int(ends.timestamp()) == claims["expires"]


def test_a_lease_ends_no_later_than_the_token_that_it_was_given_for(efd: EfdToken, site: Site) -> None:
    now = time.time()
    claims = claims_of(efd.lease(site.token("bea", lifetime=600)).password)
    assert claims["expires"] <= now + 601


def test_every_lease_is_another(efd: EfdToken, ada: str) -> None:
    first, second = (claims_of(efd.lease(ada).password) for _ in range(2))
    assert first["id"] != second["id"]


@pytest.mark.parametrize("scheme", ["basic", "bearer", "token", "token with a user", "parameters"])
def test_a_lease_is_good_for_queries_however_it_is_sent(efd: EfdToken, lease: Lease, scheme: str) -> None:
    headers = {
        "bearer": f"Bearer {lease.password}",
        "token": f"Token {lease.password}",
        "token with a user": f"Token {lease.username}:{lease.password}",
    }
    if scheme == "basic":
        answer = efd.query(_COUNT, auth=lease.auth)
    elif scheme == "parameters":
        answer = efd.query(_COUNT, params={"u": lease.username, "p": lease.password})
    else:
        answer = efd.query(_COUNT, headers={"Authorization": headers[scheme]})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("scheme", ["password", "user", "bearer"])
def test_the_platform_token_is_good_for_queries_too(efd: EfdToken, ada: str, scheme: str) -> None:
    auth = {"password": ("ada", ada), "user": (ada, "")}.get(scheme)
    answer = efd.query(_COUNT, auth=auth, token=ada if auth is None else None)
    assert answer.status_code == 200, answer.text


def test_nothing_and_nobodys_is_refused_with_a_challenge(efd: EfdToken, site: Site) -> None:
    nobodys = site.ledger.platform_token("gt-CCCCCCCCCCCCCCCCCCCCCC.DDDDDDDDDDDDDDDDDDDDDD")
    for auth in (None, ("ada", ""), ("ada", "guess"), ("", "guess"), ("ada", nobodys), (nobodys, "")):
        answer = efd.query(_COUNT, auth=auth)
        assert answer.status_code == 401, f"{auth}: {answer.text}"
        assert answer.headers["www-authenticate"]


@pytest.mark.parametrize("path", ["", "/", "/list", "/creds/usdf_efd", "/-/me"])
def test_a_lease_is_no_good_for_hand_outs(efd: EfdToken, lease: Lease, path: str) -> None:
    for ways in ({"auth": lease.auth}, {"auth": (lease.password, "")}, {"token": lease.password}):
        answer = efd.get(path, **ways)
        assert answer.status_code == 401, answer.text
        assert "nbl1." not in answer.text


@pytest.mark.parametrize("path", ["", "/influxdb/usdf_efd"])
def test_a_lease_is_no_good_for_discovery(efd: EfdToken, lease: Lease, path: str) -> None:
    assert efd.discover(path, lease.password).status_code == 401


def test_a_lease_made_by_the_book_is_accepted(efd: EfdToken, site: Site) -> None:
    """Else those below might be refused for another reason."""
    assert _status(efd, make(site.signing.signing)) == 200


_NOW = int(time.time())
_WRONG_CLAIMS: dict[str, dict[str, object]] = {
    "expired": {"issued": _NOW - 7_200, "expires": _NOW - 1},
    "expired long ago": {"issued": 0, "expires": 1},
    "issued in the future": {"issued": _NOW + 3_600, "expires": _NOW + 7_200},
    "of another tenant": {"tenant": "other"},
    "for another key": {"key": "summit_efd"},
    "for no key": {"key": None},
    "for a key of another form": {"key": ["usdf_efd", "summit_efd"]},
    "for every key": {"key": "*"},
    "of nobody": {"user": ""},
    "of no user": {"user": None},
    "without an end": {"expires": None},
    "with an end that is a text": {"expires": "2099-01-01T00:00:00Z"},
    "with an end before time": {"expires": -1},
    "with an end that is a fraction": {"expires": 4e9 + 0.5},
    "without a beginning": {"issued": None},
    "with more than it has": {"admin": True},
}


@pytest.mark.parametrize("what", _WRONG_CLAIMS)
def test_a_lease_with_wrong_claims_is_refused_though_its_signature_is_good(
    efd: EfdToken, site: Site, what: str
) -> None:
    status = _status(efd, make(site.signing.signing, **_WRONG_CLAIMS[what]))
    # A lease for another key is a good lease: the key is what is not there.
    assert status == (404 if what in ("for another key", "for every key") else 401)


def _with_claims(lease: str, **changes: object) -> str:
    head, key, _, signature = lease.split(".")
    return ".".join((head, key, encoded(json.dumps(claims_of(lease) | changes).encode()), signature))


def _swapped(lease: str, place: int, text: str) -> str:
    parts = lease.split(".")
    parts[place] = text
    return ".".join(parts)


_FORGERIES: dict[str, Callable[[str, SigningKey], str]] = {
    "another user": lambda lease, _: _with_claims(lease, user="eve"),
    "another key": lambda lease, _: _with_claims(lease, key="summit_efd"),
    "a later end": lambda lease, _: _with_claims(lease, expires=4_000_000_000),
    "no signature": lambda lease, _: _swapped(lease, 3, ""),
    "no signature and no dot": lambda lease, _: lease.rpartition(".")[0],
    "half a signature": lambda lease, _: lease[:-20],
    "a signature of zeros": lambda lease, _: _swapped(lease, 3, encoded(bytes(32))),
    "a signature of another length": lambda lease, _: _swapped(lease, 3, encoded(bytes(64))),
    "a signature in hex": lambda lease, key: _swapped(lease, 3, key.sign(lease.rpartition(".")[0]).encode().hex()),
    "a padded signature": lambda lease, _: lease + "=",
    "one bit off": lambda lease, _: _swapped(lease, 3, _one_bit_off(lease.rpartition(".")[2])),
    "SHA-1": lambda lease, key: _swapped(lease, 3, key.sign(lease.rpartition(".")[0], hashlib.sha1)),
    "SHA-512": lambda lease, key: _swapped(lease, 3, key.sign(lease.rpartition(".")[0], hashlib.sha512)),
    "signed without the prefix": lambda lease, key: _swapped(lease, 3, key.sign(lease.rpartition(".")[0][5:])),
    "another signing key's name": lambda lease, _: _swapped(lease, 1, "second"),
    "no signing key's name": lambda lease, _: _swapped(lease, 1, ""),
    "another version": lambda lease, _: _swapped(lease, 0, "nbl2"),
    "other letters": lambda lease, _: _swapped(lease, 0, "NBL1"),
    "a part more": lambda lease, _: lease + ".x",
    "a part more in the middle": lambda lease, _: lease.replace("nbl1.", "nbl1.x.", 1),
    "nothing in it": lambda _, __: "nbl1...",
    "only its beginning": lambda _, __: "nbl1.",
    "no JSON": lambda _, key: _signed(key, b"claims"),
    "a list": lambda _, key: put_together(key, []),
    "nothing": lambda _, key: put_together(key, None),
    "claims that are no base64": lambda _, key: _signed_text(key, "!!!!"),
    "claims twice": lambda lease, key: _signed(key, _doubled(lease)),
    "a JWT that is not signed": lambda _, __: _jwt({"alg": "none"}) + ".",
}


def _one_bit_off(signature: str) -> str:
    raw = bytearray(base64.urlsafe_b64decode(signature + "="))
    raw[0] ^= 1
    return encoded(bytes(raw))


def _signed_text(key: SigningKey, claims: str) -> str:
    signed = f"nbl1.{key.name}.{claims}"
    return f"{signed}.{key.sign(signed)}"


def _signed(key: SigningKey, claims: bytes) -> str:
    return _signed_text(key, encoded(claims))


def _doubled(lease: str) -> bytes:
    """Two users in one object: whoever reads the first and whoever reads the last see another."""
    return json.dumps(claims_of(lease)).replace("{", '{"user": "eve", ', 1).encode()


def _jwt(head: dict[str, str]) -> str:
    claims = {"sub": "ada", "exp": 4_000_000_000}
    return ".".join(encoded(json.dumps(part).encode()) for part in (head, claims))


@pytest.mark.parametrize("what", _FORGERIES)
def test_a_forged_lease_is_refused(efd: EfdToken, site: Site, what: str) -> None:
    forged = _FORGERIES[what](make(site.signing.signing), site.signing.signing)
    assert _status(efd, forged) == 401


def test_a_lease_is_refused_under_the_name_of_another_user(efd: EfdToken, lease: Lease) -> None:
    assert _status(efd, lease.password, user="eve") == 401


def test_a_lease_for_one_key_does_not_open_another(efd: EfdToken, lease: Lease, influxdb: InfluxDB) -> None:
    watch = influxdb.tap.from_now()
    refused = efd.query(_COUNT, key="summit_efd", auth=lease.auth)
    missing = efd.query(_COUNT, key="nowhere_efd", auth=lease.auth)
    assert refused.status_code == missing.status_code == 404
    assert problem(refused) == problem(missing)
    assert watch.requests == []


def test_a_lease_that_another_signing_key_made_is_refused(
    efd: EfdToken, site: Site, starts: Starts, influxdb: InfluxDB, ada: str
) -> None:
    stranger = _start(starts, influxdb, "stranger", signing=site.signing_keys("stranger"))
    lease = stranger.lease(ada)
    assert _status(stranger, lease.password) == 200
    assert _status(efd, lease.password) == 401, "the id of the signing key is the same, its secret is not"


def test_a_second_replica_accepts_a_lease_of_the_first(starts: Starts, influxdb: InfluxDB, lease: Lease) -> None:
    replica = _start(starts, influxdb, "replica")
    assert _status(replica, lease.password) == 200


def test_a_lease_outlives_a_restart(starts: Starts, influxdb: InfluxDB, ada: str) -> None:
    first = _start(starts, influxdb)
    lease = first.lease(ada)
    first.peer.stop()
    assert _status(_start(starts, influxdb), lease.password) == 200


def test_a_lease_ends_when_its_time_is_over(starts: Starts, influxdb: InfluxDB, ada: str) -> None:
    service = _start(starts, influxdb, lease={"lifetime_seconds": 3_600}, ahead=0)
    lease = service.lease(ada)
    service.later(3_500)
    assert _status(service, lease.password) == 200
    service.later(101)
    assert _status(service, lease.password) == 401


@pytest.mark.parametrize("ahead", [-_SKEW + 5, _SKEW - 5])
def test_a_clock_that_is_five_minutes_off_does_no_harm(
    efd: EfdToken, starts: Starts, influxdb: InfluxDB, ada: str, lease: Lease, ahead: float
) -> None:
    replica = _start(starts, influxdb, "off", ahead=ahead)
    assert _status(replica, lease.password) == 200, "a lease of others at the one whose clock is off"
    assert _status(efd, replica.lease(ada).password) == 200, "its lease at others"


def test_a_lease_from_far_in_the_future_is_refused(efd: EfdToken, starts: Starts, influxdb: InfluxDB, ada: str) -> None:
    replica = _start(starts, influxdb, "ahead", ahead=_SKEW + 60)
    assert _status(efd, replica.lease(ada).password) == 401


def _revocation(by: str, lease: Lease) -> dict[str, str]:
    claims = claims_of(lease.password)
    later = datetime.fromtimestamp(claims["issued"] + 1, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "user": {"user": "ada"},
        "key": {"key": "usdf_efd"},
        "id": {"id": claims["id"]},
        "signing key": {"signed_with": "first"},
        "time": {"issued_before": later},
        "user and key": {"user": "ada", "key": "usdf_efd"},
        "all": {"user": "ada", "key": "usdf_efd", "id": claims["id"], "signed_with": "first", "issued_before": later},
    }[by]


@pytest.mark.parametrize("by", ["user", "key", "id", "signing key", "time", "user and key", "all"])
def test_a_revoked_lease_ends_within_seconds_and_returns_with_the_file(
    starts: Starts, influxdb: InfluxDB, ada: str, by: str
) -> None:
    service = _start(starts, influxdb)
    lease = service.lease(ada)
    assert _status(service, lease.password) == 200
    service.revocations.write(_revocation(by, lease))
    _ends(service, lease)
    service.revocations.write()
    eventually("it is good again", lambda: _status(service, lease.password) == 200, within=_NOTICED, every=0.05)


def test_what_is_revoked_are_the_leases_of_which_all_is_true(
    starts: Starts, influxdb: InfluxDB, site: Site, ada: str
) -> None:
    service = _start(starts, influxdb)
    usdf, summit = service.lease(ada), service.lease(ada, "summit_efd")
    bea = service.lease(site.token("bea"))
    service.revocations.write({"user": "ada", "key": "usdf_efd"}, {"user": "bea", "id": "of-no-lease"})
    _ends(service, usdf)
    assert _status(service, summit.password, key="summit_efd") == 200
    assert _status(service, bea.password, user="bea") == 200


def test_a_lease_that_was_issued_after_a_revocation_is_good(starts: Starts, influxdb: InfluxDB, ada: str) -> None:
    service = _start(starts, influxdb)
    before = service.lease(ada)
    after = datetime.fromtimestamp(claims_of(before.password)["issued"] + 1, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    eventually("the next second", lambda: claims_of(service.lease(ada).password)["issued"] > _issued(before), within=3)
    service.revocations.write({"user": "ada", "issued_before": after})
    _ends(service, before)
    assert _status(service, service.lease(ada).password) == 200


def _issued(lease: Lease) -> int:
    return int(claims_of(lease.password)["issued"])


@pytest.mark.parametrize(
    "text", ["[[revoked", "[[revoked]]\n", "[[revoked]]\nuser = 7\n", '[[revoked]]\nowner = "ada"\n']
)
def test_a_list_of_revocations_that_cannot_be_read_leaves_the_last_one_in_force(
    starts: Starts, influxdb: InfluxDB, site: Site, ada: str, text: str
) -> None:
    service = _start(starts, influxdb)
    lease, bea = service.lease(ada), service.lease(site.token("bea"))
    service.revocations.write({"user": "ada"})
    _ends(service, lease)
    service.revocations.write_text(text)
    eventually("it is said in the log", lambda: _complains(service, "revocations"), within=_NOTICED)
    assert _status(service, lease.password) == 401
    assert _status(service, bea.password, user="bea") == 200


def _complains(service: EfdToken, about: str) -> bool:
    levels = [event.get("level") for event in service.events() if about in json.dumps(event)]
    return "ERROR" in levels or "WARN" in levels


def test_the_audit_event_of_a_hand_out_has_the_id_that_revokes_it(efd: EfdToken, ada: str) -> None:
    lease = efd.lease(ada)
    event = efd.audit(event="request", lease=claims_of(lease.password)["id"])
    assert (event["user"], event["key"], event["mode"]) == ("ada", "usdf_efd", "lease")


def test_the_signing_key_rotates_with_overlap(starts: Starts, influxdb: InfluxDB, site: Site, ada: str) -> None:
    signing = site.signing_keys("rotated")
    service = _start(starts, influxdb, signing=signing)
    old, before = signing.signing, service.lease(ada)
    new = signing.invent("second")
    signing.replace(new, old)
    eventually("the new key signs", lambda: service.lease(ada).password.startswith("nbl1.second."), within=_NOTICED)
    after = service.lease(ada)
    assert _status(service, before.password) == _status(service, after.password) == 200
    signing.replace(new)
    _ends(service, before)
    assert _status(service, after.password) == 200


def test_signing_keys_that_cannot_be_read_leave_the_last_ones_in_force(
    starts: Starts, influxdb: InfluxDB, site: Site, ada: str
) -> None:
    signing = site.signing_keys("broken")
    service = _start(starts, influxdb, signing=signing)
    lease = service.lease(ada)
    signing.replace(SigningKey("short", "not-32-characters"))
    eventually("it is said in the log", lambda: _complains(service, "keys"), within=_NOTICED)
    assert _status(service, lease.password) == 200
    assert service.lease(ada).password.startswith("nbl1.first.")
    assert "not-32-characters" not in service.log.read_text()
