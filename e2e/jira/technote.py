"""The snippet of the technote that proposed this service, to the letter but for the host (and the last line)."""

import os

import httpx
import lsst.rsp

token = lsst.rsp.get_access_token()
r = httpx.get(
    f"{os.environ['BASE_URL']}/jira-data-proxy/rest/api/2/search",
    params={"jql": "project=DM"},
    headers={"Authorization": f"Bearer {token}"},
)
print(r.status_code, r.text)
