"""Who asks in the tests of jira-proxy."""

READER = "ada"
"""A user of the group that may use Jira."""
OUTSIDER = "eve"
"""A user like any other, but not of that group."""
