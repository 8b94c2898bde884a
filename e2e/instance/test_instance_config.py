"""The swap of the container: `proxy.conf.json` and the environment as they were; what is wrong is told at once."""

import json
import subprocess
from typing import Any

import pytest

from lib.ask import ask
from lib.bench import Bench
from lib.instance.frames import upgrade
from lib.instance.proxy import binary, fresh_id
from lib.instance.rogue import answer, socket_that, stay
from lib.instance.routes import Ports, beyond, shipped
from lib.instance.site import Site
from lib.instance.visa import VisaApi
from lib.poll import eventually
from lib.ports import free_port

# The README of visa-jupyter-proxy, to the letter: a comma is missing behind `"ws": true`.
_README = """[
  {
    "match": "^/jupyter/(\\\\d+).*",
    "type": "jupyter",
    "name": "Jupyter",
    "remotePort": 8888,
    "ws": true
    "pathRewrite": {
      "^/jupyter/\\\\d+/": "/"
    }
  }
]
"""


def _check(bench: Bench, text: str) -> subprocess.CompletedProcess[str]:
    """What `check-config` says of this file of routes."""
    folder = bench.directory(f"check-{fresh_id()}")
    (folder / "proxy.conf.json").write_text(text)
    config = folder / "instance-proxy.toml"
    config.write_text(f'[[tenant]]\nroutes_file = "{folder}/proxy.conf.json"\n')
    return subprocess.run(
        [binary(), "--config", config, "check-config"],
        env=bench.environment(),
        capture_output=True,
        text=True,
        timeout=10,
    )


def test_what_is_shipped_is_good(bench: Bench) -> None:
    done = _check(bench, json.dumps(shipped(Ports())))
    assert done.returncode == 0, done.stderr


def test_the_readmes_example_is_refused_with_line_column_and_cure(bench: Bench) -> None:
    done = _check(bench, _README)
    said = done.stdout + done.stderr
    assert done.returncode == 78
    assert "line 8" in said, said
    assert "column" in said, said
    assert "comma" in said, said
    fixed = _README.replace('"ws": true', '"ws": true,').replace(
        '"^/jupyter/\\\\d+/": "/"', '"^/jupyter/(\\\\d+)/": "/jupyter/$1/"'
    )
    assert _check(bench, fixed).returncode == 0, _check(bench, fixed).stderr


def _changed(**changes: Any) -> list[dict[str, Any]]:
    entry = shipped(Ports())[0] | changes
    return [{name: value for name, value in entry.items() if value is not ...}]


_WRONG: dict[str, tuple[list[dict[str, Any]], str]] = {
    "no regex": (_changed(match="^/jupyter/(\\d+"), "match"),
    "no group": (_changed(match="^/jupyter/\\d+.*"), "group"),
    "no number": (_changed(remotePort="8888"), "line 1, column"),
    "port 0": (_changed(remotePort=0), "remotePort"),
    "port 65536": (_changed(remotePort=65_536), "line 1, column"),
    "no port": (_changed(remotePort=...), "remotePort"),
    "no name": (_changed(name=...), "name"),
    "an unknown type": (_changed(type="vnc"), "type"),
    "ws that is no truth": (_changed(ws="yes"), "ws"),
    "a rule that is no regex": (_changed(pathRewrite={"^/(": "/"}), "pathRewrite"),
    "a look-ahead": (_changed(match="^/jupyter/(?=1)(\\d+).*"), "match"),
    "a name twice": ([*shipped(Ports()), *_changed(match="^/again/(\\d+).*")], "name"),
    "an unknown key": (_changed(remoteprot=8888), "remoteprot"),
}


@pytest.mark.parametrize(("entries", "named"), _WRONG.values(), ids=_WRONG)
def test_a_wrong_entry_does_not_start_and_is_named(bench: Bench, entries: list[dict[str, Any]], named: str) -> None:
    done = _check(bench, json.dumps(entries))
    said = done.stdout + done.stderr
    assert done.returncode == 78, said
    assert named in said, said


def test_every_problem_is_told_at_once(bench: Bench) -> None:
    done = _check(bench, json.dumps(_changed(remotePort=0) + _changed(match="^/x/\\d+", name="Other")))
    said = done.stdout + done.stderr
    assert done.returncode == 78
    assert "remotePort" in said
    assert "group" in said


@pytest.mark.parametrize("text", ["", "{}", "[1]", "null", "[{]", "\ufeff[]", "[" * 100_000])
def test_a_file_that_holds_no_routes_is_refused(bench: Bench, text: str) -> None:
    assert _check(bench, text).returncode == 78


def test_a_costly_regex_costs_no_time(site: Site, ada: str) -> None:
    """A regex that backtracks would need the age of the universe for this path."""
    entries = [
        {"match": "^/costly/(?:a+)+/(\\d+)$", "type": "service", "name": "Costly", "remotePort": site.ports.files},
        *shipped(site.ports),
    ]
    proxy = site.proxy("costly", routes=entries)
    assert proxy.get("/costly/" + "a" * 5000 + "!/1", ada).status_code == 404
    proxy.stop()


def test_the_old_environment_is_enough(site: Site, bench: Bench, api: VisaApi, ada: str) -> None:
    """As the container of visa-jupyter-proxy is run: `../proxy.conf.json`, its variables, no argument. Loopback is the
    one thing that a test has to allow."""
    home = bench.directory("swapped")
    (home / "proxy.conf.json").write_text(json.dumps([*shipped(site.ports), *beyond(site.ports)]))
    work = bench.directory("swapped/server")
    port, admin_port = free_port(), free_port()
    environment = bench.environment() | {
        "VISA_JUPYTER_PROXY_SERVER_HOST": "127.0.0.1",
        "VISA_JUPYTER_PROXY_SERVER_PORT": str(port),
        "VISA_JUPYTER_PROXY_API_HOST": "127.0.0.1",
        "VISA_JUPYTER_PROXY_API_PORT": str(api.port),
        "VISA_JUPYTER_PROXY_CACHE_REFRESH_TIME_S": "7",
        "VISA_JUPYTER_PROXY_STORAGE_DIR": "kept",
        "VISA_JUPYTER_PROXY_LOG_LEVEL": "debug",
        "VISA_JUPYTER_PROXY_LOG_TIMEZONE": "Europe/Paris",
        "INSTANCE_PROXY__SERVER__ADMIN_HOST": "127.0.0.1",
        "INSTANCE_PROXY__SERVER__ADMIN_PORT": str(admin_port),
        "INSTANCE_PROXY__SERVER__DRAIN_GRACE_SECONDS": "0",
        "INSTANCE_PROXY__TENANT": '[{"upstream": {"allow_loopback": true}}]',
    }
    log = bench.log("swapped")
    site.ledger.logged("log of the swapped one", lambda: [log.read_bytes()])
    peer = bench.start(
        "swapped",
        [binary()],
        ready=lambda: ask("GET", f"http://127.0.0.1:{admin_port}/readyz").status_code == 200,
        env=environment,
        cwd=work,
    )
    instance = site.instance()
    with site.rogue(instance, answer(body=b"swapped")):
        assert ask("GET", f"http://127.0.0.1:{port}/jupyter/{instance.id}/", ada).text == "swapped"
    with site.rogue(instance, socket_that(does=stay)):
        path = f"/jupyter/{instance.id}/api/kernels/{fresh_id()}/channels?session_id={fresh_id()}"
        with upgrade(port, path, [("Authorization", f"Bearer {ada}")]):
            assert len(api.open_sessions(instance)) == 1
            assert any(file.is_file() for file in (work / "kept").rglob("*"))
    eventually("the session is closed", lambda: api.open_sessions(instance) == [], within=5)
    assert ask("GET", f"http://127.0.0.1:{port}/", None).status_code in (200, 404)
    assert peer.stop() == 0
