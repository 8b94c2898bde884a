"""A real Kubernetes of one node, real Argo CD, and what the suite of deployments needs around them."""
