"""Who may do what in the tests of platforms."""

GROUP = "/jira/staff"
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
