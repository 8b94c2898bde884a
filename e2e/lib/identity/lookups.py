"""Many callers at once, and how often the service looked for an answer by its own count."""

import re
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import httpx

from lib.jira.proxy import JiraProxy


def misses(proxy: JiraProxy, kind: str) -> int:
    """How many requests needed an answer that the cache did not have, whether they asked for it or waited for it."""
    pattern = rf'^nbgate_identity_cache_total\{{(?=[^}}]*kind="{kind}")(?=[^}}]*result="miss")[^}}]*\}} (\d+)$'
    found = re.search(pattern, proxy.metrics(), re.MULTILINE)
    return int(found[1]) if found else 0


def at_once(callers: int, call: Callable[[], httpx.Response]) -> list[Future[httpx.Response]]:
    """Start that many calls; each result is there when its call has ended."""
    pool = ThreadPoolExecutor(callers)
    futures = [pool.submit(call) for _ in range(callers)]
    pool.shutdown(wait=False)
    return futures
