#!/usr/bin/env python3
"""Run a command, and end whatever it leaves behind.

    run_and_reap.py COMMAND [ARGUMENT..]

A process that outlives its parent is handed to the nearest subreaper: this one (Linux, prctl(2)). So nothing that the
command starts can get away, not even into a session of its own, as JupyterHub's notebook servers do. Exits as the command does.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
SECONDS_TO_LEAVE = 5


def descendants(root: int) -> list[int]:
    """All processes below `root`, parents before their children."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        try:
            # The name may hold spaces and parentheses; the parent is the second field after it.
            fields = (entry / "stat").read_text().rpartition(")")[2].split() if entry.name.isdigit() else None
        except OSError:
            continue
        if fields and fields[0] != "Z":
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = list(children.get(root, []))
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def reap() -> None:
    """Collect what has ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def end_all() -> None:
    """Ask what is left to end, say what it was, and kill what stays."""
    reap()
    for pid in descendants(os.getpid()):
        try:
            name = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            print(f"left behind, ending it: {pid} {name[:160]}", file=sys.stderr, flush=True)
            os.kill(pid, signal.SIGTERM)
        except OSError:
            pass
    deadline = time.monotonic() + SECONDS_TO_LEAVE
    while left := descendants(os.getpid()):
        if time.monotonic() > deadline:
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
        time.sleep(0.1)
        reap()


def main() -> int:
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return subprocess.run(sys.argv[1:]).returncode
    except KeyboardInterrupt:
        return 130
    finally:
        end_all()


if __name__ == "__main__":
    status = main()
    sys.exit(128 - status if status < 0 else status)
