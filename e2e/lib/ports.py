"""Free ports."""

import itertools
import os
import socket

# Below the range that the system hands to outgoing connections: between picking a port here and a peer's binding it,
# no client of another peer can take it. Runs side by side start at different places.
_candidates = itertools.cycle(range(15_000, 32_000))
for _ in range(os.getpid() % 17_000):
    next(_candidates)


def free_port() -> int:
    """A loopback port nobody listens on, never the same twice within a run."""
    for port in itertools.islice(_candidates, 17_000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")
