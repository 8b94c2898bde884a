"""What callers see of the services: by way of the ingress, from one notebook, and while something is not there."""

import json

import httpx
import pytest

from lib.ask import ask
from lib.cluster.kubectl import is_ready
from lib.cluster.platform import Platform
from lib.cluster.upstreams import READER, SERVICES, Upstreams
from lib.instance.kernel import JupyterClient
from lib.instance.people import ADA
from lib.jira.upstream import PROJECT
from lib.notebook import NotebookServer, printed
from lib.poll import eventually

_CELLS = [
    """
import os, json, urllib.request as web
token = os.environ["JUPYTERHUB_API_TOKEN"]
def ask(path, token=token, data=None, kind="Bearer"):
    request = web.Request(site + path, data=data, headers={"Authorization": f"{kind} {token}"})
    return json.load(web.urlopen(request))
""",
    f"""
issue = ask("/jira-data-proxy/rest/api/2/issue/{PROJECT}-1")
print(json.dumps([issue["key"], issue["self"].startswith(site)]))
""",
    """
import base64, urllib.parse
document = ask("/segwarides/creds/usdf_efd")
basic = base64.b64encode(f"{document['username']}:{document['password']}".encode()).decode()
query = urllib.parse.urlencode({"db": "efd", "q": 'SELECT COUNT("salIndex") FROM "lsst.sal.MTMount.azimuth"'})
answer = ask("/segwarides/efd/usdf_efd/query", basic, query.encode(), "Basic")
print(json.dumps([document["password"][:5], answer["results"][0]["series"][0]["values"][0][1]]))
""",
    """
print(json.dumps([kernel["name"] for kernel in ask(f"/jupyter/{instance}/api/kernelspecs", visa)["kernelspecs"].values()]))
""",
]


def test_the_ingress_has_every_path_of_every_service(platform: Platform) -> None:
    assert platform.ingress.paths == {
        "/jira-data-proxy": "jira-proxy/jira-proxy",
        "/segwarides": "efd-token/efd-token",
        "/discovery": "efd-token/efd-token",
        "/jupyter": "instance-proxy/instance-proxy",
        "/visafs": "instance-proxy/instance-proxy",
    }


def test_one_notebook_uses_all_three(platform: Platform, upstreams: Upstreams) -> None:
    visa = upstreams.visa.token(ADA, 3600)
    names = f"site, instance, visa = {platform.ingress.url!r}, {upstreams.instance.id}, {visa!r}"
    server = upstreams.hub.start_server(READER)
    notebook = NotebookServer(server, upstreams.hub.token(READER)).run("all-three", [names, *_CELLS])
    _, _, issue, rows, kernels = printed(notebook)
    assert issue == [f"{PROJECT}-1", True]
    assert rows == ["nbl1.", 2000]
    assert kernels == ["python3"]


def test_nobody_gets_in_without_a_token(platform: Platform, upstreams: Upstreams) -> None:
    site = platform.ingress.url
    for path in ("/jira-data-proxy/rest/api/2/serverInfo", "/segwarides/list", f"/jupyter/{upstreams.instance.id}/api"):
        assert ask("GET", f"{site}{path}").status_code == httpx.codes.UNAUTHORIZED, path


def test_a_kernel_runs_on_the_instance_by_way_of_the_ingress(platform: Platform, upstreams: Upstreams) -> None:
    headers = {"Authorization": f"Bearer {upstreams.visa.token(ADA)}"}
    with JupyterClient(platform.ingress.url, upstreams.jupyter.base_url, headers) as page:
        kernel = page.start_kernel()
        with page.kernel(kernel) as channels:
            assert channels.run("print(6 * 7)").text == "42\n"
        page.end_kernel(kernel)


def test_metrics_are_on_the_admin_port_and_not_on_the_ingress(platform: Platform) -> None:
    for service in SERVICES:
        address = platform.kubectl.get("service", service, service)["spec"]["clusterIP"]
        metrics = httpx.get(f"http://{address}:8090/metrics", trust_env=False).text
        assert f'nbgate_build_info{{service="{service}"' in metrics
    assert ask("GET", f"{platform.ingress.url}/metrics").status_code == httpx.codes.NOT_FOUND


def test_a_pod_that_loses_its_upstream_stays_live_and_serves_again(
    platform: Platform, upstreams: Upstreams, reader: str
) -> None:
    pods = platform.pods("instance-proxy")
    path = f"{platform.ingress.url}/jupyter/{upstreams.instance.id}/api"
    token = upstreams.visa.token(ADA)
    with upstreams.visa.api.down():
        answer = ask("GET", path, token)
        assert answer.status_code in (httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE), answer.text
        for pod in pods.values():
            assert _probe(pod["status"]["podIP"], "livez") == httpx.codes.OK
    eventually("it is served again", lambda: ask("GET", path, token).status_code == httpx.codes.OK, within=20)
    assert platform.pods("instance-proxy").keys() == pods.keys()
    assert all(status["restartCount"] == 0 for pod in pods.values() for status in pod["status"]["containerStatuses"])


@pytest.mark.parametrize("service", ["jira-proxy", "instance-proxy"])
def test_a_pod_that_drains_leaves_the_endpoints_before_it_stops_serving(platform: Platform, service: str) -> None:
    (pod, *_) = platform.pods(service).values()
    address = pod["status"]["podIP"]
    assert address in platform.addresses(service)
    platform.kubectl("delete", "pod", pod["metadata"]["name"], f"--namespace={service}", "--wait=false")
    eventually("no request is led to it", lambda: address not in platform.addresses(service), within=5, every=0.05)
    assert httpx.get(f"http://{address}:8080/", trust_env=False).status_code == httpx.codes.OK, "it serves still"
    platform.rolled_out(service)
    eventually("there are two again", lambda: len(platform.addresses(service)) == 2, within=60)
    assert all(is_ready(pod) for pod in platform.pods(service).values())


def _probe(address: str, name: str) -> int:
    return httpx.get(f"http://{address}:8090/{name}", trust_env=False, timeout=5).status_code


def test_discovery_answers_too(platform: Platform, reader: str) -> None:
    answer = ask("GET", f"{platform.ingress.url}/discovery", reader)
    assert answer.status_code == httpx.codes.OK, answer.text
    assert "usdf_efd" in json.dumps(answer.json())
