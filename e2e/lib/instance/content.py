"""Bytes of which both sides know what they must be, however many there are."""

import hashlib
import random
from collections.abc import Iterator

MEBI = 1024 * 1024


def blocks(seed: str, size: int) -> Iterator[bytes]:
    """So many bytes, in blocks that all differ: one that is lost, doubled or moved changes the digest."""
    block = random.Random(seed).randbytes(MEBI)
    for number in range(size // MEBI + 1):
        whole = number.to_bytes(8) + block[8:]
        left = size - number * MEBI
        if left > 0:
            yield whole[:left]


def content(seed: str, size: int) -> bytes:
    """All of it."""
    return b"".join(blocks(seed, size))


def digest(pieces: Iterator[bytes] | bytes) -> str:
    """SHA-256."""
    total = hashlib.sha256()
    for piece in [pieces] if isinstance(pieces, bytes) else pieces:
        total.update(piece)
    return total.hexdigest()
