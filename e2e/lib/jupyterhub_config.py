"""JupyterHub's configuration for the tests. What differs between runs is in the JSON file named by NBGATE_E2E_HUB."""

import json
import os
import sys
from pathlib import Path

settings = json.loads(Path(os.environ["NBGATE_E2E_HUB"]).read_text())
c = get_config()  # noqa: F821 - given by JupyterHub

c.JupyterHub.bind_url = settings["public_url"]
c.JupyterHub.hub_port = settings["hub_port"]
c.JupyterHub.db_url = "sqlite:///hub.sqlite"
c.JupyterHub.cookie_secret_file = "cookie_secret"
c.ConfigurableHTTPProxy.command = settings["proxy_command"]
c.ConfigurableHTTPProxy.api_url = settings["proxy_api_url"]
c.ConfigurableHTTPProxy.pid_file = "proxy.pid"

# Who may sign in is not what is tested: the tests get their tokens from the hub's API.
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.load_groups = {name: {"users": users} for name, users in settings["groups"].items()}

# Jupyter's own default is that a notebook's token may do nothing but report activity. A hub's admin who installs
# nbgate grants the service's scope twice: to people, and to the tokens of the servers that people start. Here people get
# it by group, as the built-in role `user` is everyone's and then nobody could be refused.
service_scopes = [f"access:services!service={name}" for name in settings["open_services"]]
c.JupyterHub.load_roles = [
    {"name": "readers", "groups": settings["reader_groups"], "scopes": service_scopes},
    {
        "name": "tests",
        "services": ["tests"],
        "scopes": ["admin:users", "admin:servers", "tokens", "access:servers", "read:hub", "groups"],
    },
    *settings["roles"],
]
c.Spawner.server_token_scopes = ["users:activity!user", "access:servers!server", *service_scopes]

c.JupyterHub.services = [
    {"name": "tests", "api_token": settings["admin_token"]},
    *settings["accounts"],
    *settings["services"],
]

c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = settings["home_template"]
c.Spawner.cmd = [str(Path(sys.executable).parent / "jupyterhub-singleuser")]
c.Spawner.args = ["--allow-root"]  # CI machines run as root
c.Spawner.http_timeout = 60
