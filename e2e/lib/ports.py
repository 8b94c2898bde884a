"""Free ports."""

import itertools
import os
import socket

# Below the range that the system hands to outgoing connections: between picking a port here and a peer's binding it,
# no client of another peer can take it. Runs side by side start at different places, far from each other though their
# process ids are not: a peer may take half a minute from being given a port to binding it.
_candidates = itertools.cycle(range(15_000, 32_000))
for _ in range(os.getpid() * 997 % 17_000):
    next(_candidates)


def free_port(host: str = "127.0.0.1") -> int:
    """A port of `host` nobody listens on, never the same twice within a run; `0.0.0.0` is every address of the machine."""
    for port in itertools.islice(_candidates, 17_000):
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")
