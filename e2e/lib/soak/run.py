"""One run of the soak: how much of everything, and the service that carries the mixed load."""

from dataclasses import dataclass

from lib.soak.peers import Replica, World


@dataclass(frozen=True)
class Scale:
    """How much of everything."""

    seconds: int
    """Of the mixed load."""

    @property
    def full(self) -> bool:
        """Whether there is time for the numbers that are promised; else for about a fifth of them."""
        return self.seconds >= 300

    def of(self, full: int, short: int) -> int:
        """One of two numbers."""
        return full if self.full else short


@dataclass(frozen=True)
class Steady:
    """The service that carries the mixed load."""

    world: World
    replica: Replica
    descriptors: int
    """How many it had open before anybody came."""
