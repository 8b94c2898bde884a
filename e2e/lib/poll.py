"""Waiting, in the one way that these tests may: for something to become true, until a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class DeadlinePassed(AssertionError):
    """What was waited for did not happen."""


def eventually(what: str, check: Callable[[], T | None], *, within: float, every: float = 0.1) -> T:
    """Return the first truthy value of `check`; a check that raises is a check that has not succeeded yet."""
    deadline = time.monotonic() + within
    while True:
        last: object
        try:
            value = check()
            if value:
                return value
            last = value
        except Exception as error:  # noqa: BLE001 - the last one is reported
            last = error
        if time.monotonic() >= deadline:
            cause = last if isinstance(last, Exception) else None
            raise DeadlinePassed(f"not within {within} s: {what} (last: {last!r})") from cause
        time.sleep(every)


def observe(check: Callable[[], T], *, until: Callable[[list[T]], bool], within: float, every: float = 0.1) -> list[T]:
    """Collect what `check` says until `until` is content with the collection; an error in `check` is the test's error."""
    deadline = time.monotonic() + within
    seen: list[T] = []
    while True:
        seen.append(check())
        if until(seen):
            return seen
        if time.monotonic() >= deadline:
            raise DeadlinePassed(f"not content within {within} s; the last of {len(seen)}: {seen[-5:]!r}")
        time.sleep(every)
