"""instance-proxy's peers: VISA's API server, people's instances, what runs on them, and who attacks from them."""
