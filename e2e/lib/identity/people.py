"""Who may do what in the tests of platforms."""

GROUP = "/jira/staff"
"""As Keycloak writes a group, which is how a gateway passes it on."""
RUBIN_GROUP = "g_jira_staff"
"""As Gafaelfawr allows a group to be named."""
FOR_STAFF = "/rest/api/2/serverInfo"
"""What `group_rules` give to the members of a group and to nobody else."""
FOR_ALL = "/rest/api/2/field"


def group_rules(group: str) -> list[dict[str, object]]:
    """Rules that come before the preset's."""
    path = FOR_STAFF[1:]
    return [
        {"name": "staff", "action": "allow", "methods": ["GET"], "paths": [path], "group": group},
        {"name": "nobody-else", "action": "deny", "paths": [path]},
    ]
