"""What is left a minute after the mixed load has ended: nothing."""

from lib.poll import eventually
from lib.soak.figures import Figures
from lib.soak.run import Steady

_IDLE = 60
"""Seconds for which a connection to the upstream may lie idle."""


def test_after_an_idle_minute_nothing_is_left_open(steady: Steady, figures: Figures) -> None:
    world, replica = steady.world, steady.replica
    with figures.scenario("tidy") as report:
        upstream = world.jira.port
        eventually("idle connections are closed", lambda: not replica.sockets(upstream), within=_IDLE + 5, every=0.5)
        report.exactly("connections to the upstream", sum(replica.sockets(upstream).values()), 0)
        report.at_most("descriptors beyond those at the start", replica.descriptors() - steady.descriptors, 2)
        report.exactly("requests in progress", replica.metric("nbgate_in_flight"), 0)
