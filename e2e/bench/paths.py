"""What is asked for, below the base URL."""

SMALL = "/rest/api/2/search"
LARGE = "/rest/api/2/issue/OBS-1"
BINARY = "/secure/attachment/1/frame.fits"
STREAM = "/secure/attachment/2/night.tar"
HUB_USER = "/hub/api/user"
INSTANCE = "42"
INSTANCE_API = f"/api/jupyter/instances/{INSTANCE}"
