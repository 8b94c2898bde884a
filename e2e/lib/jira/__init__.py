"""What the suite of jira-proxy needs beyond the rest: two kinds of Jira, and the service itself."""
