"""A hub for one person on one machine: everybody is let in, and notebooks run beside it."""

c = get_config()  # noqa: F821 - given by JupyterHub

c.JupyterHub.bind_url = "http://:8000"
c.JupyterHub.hub_ip = "0.0.0.0"  # jira-proxy asks the hub who calls
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.Spawner.args = ["--allow-root"]

# jira-proxy, which runs beside the hub. The scope is given twice: to people, and to the tokens of the servers that they start.
c.JupyterHub.services = [{"name": "jira", "url": "http://jira-proxy:8080"}]
c.JupyterHub.load_roles = [
    {"name": "user", "scopes": ["self", "access:services!service=jira"]},
]
c.Spawner.server_token_scopes = ["users:activity!user", "access:servers!server", "access:services!service=jira"]
