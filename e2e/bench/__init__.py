"""What a request costs: jira-proxy beside nginx, measured in one run. `just bench` runs it."""
