#!/usr/bin/env python3
"""Do what README says, as somebody who has just cloned the repository.

Starts `cargo run`, takes the curl lines and the Python snippets that it prints literally, runs them, opens the instance as a
browser does, runs README's own Python examples and those of instance-proxy's page and compares their output with what is
shown, then presses Ctrl-C and checks that everything ended.
"""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECONDS_TO_START = 120  # it is built before; this is cargo's own look at the tree, and the start
SECONDS_TO_ANSWER = 30
SECONDS_TO_STOP = 20
CURL_TIME_IS_UP = 28  # a WebSocket would stay open


class Failed(Exception):
    """Something is not as README says."""


def expect(holds: bool, what: str) -> None:
    if not holds:
        raise Failed(what)
    print(f"  ok: {what}", flush=True)


def start() -> tuple[subprocess.Popen[str], str]:
    """The running playground, as the leader of a process group, and what it printed."""
    playground = subprocess.Popen(
        ["cargo", "run"], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        # To the end, so that the playground never waits for a reader.
        for line in playground.stdout:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    deadline, printed = time.monotonic() + SECONDS_TO_START, ""
    while "Ctrl-C stops everything." not in printed:
        try:
            line = lines.get(timeout=max(0.1, deadline - time.monotonic()))
        except queue.Empty:
            stop(playground, signal.SIGINT)
            raise Failed(f"`cargo run` was not ready in {SECONDS_TO_START} s; it printed:\n{printed}") from None
        if line is None:
            raise Failed(f"`cargo run` ended with {playground.wait()}; it printed:\n{printed}")
        printed += line
    return playground, printed


def stop(playground: subprocess.Popen[str], how: signal.Signals) -> int | None:
    """Ctrl-C reaches the whole process group, as in a terminal. The exit status, or None if it had to be killed."""
    os.killpg(playground.pid, how)
    try:
        return playground.wait(timeout=SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        os.killpg(playground.pid, signal.SIGKILL)
        playground.wait()
        return None


def run(command: list[str], code: str = "", status: int = 0, **environment: str) -> str:
    """What a command prints that ends with `status`, given `code` as its input."""
    done = subprocess.run(
        command, input=code, capture_output=True, text=True, timeout=SECONDS_TO_ANSWER, env={**os.environ, **environment}
    )
    if done.returncode != status:
        raise Failed(f"{command} {code}\nended with {done.returncode}: {done.stderr}")
    return done.stdout


def status_of(url: str) -> int:
    with urllib.request.urlopen(url, timeout=SECONDS_TO_ANSWER) as answer:
        return answer.status


def try_what_is_printed(printed: str) -> None:
    curls = re.findall(r"^curl .*$", printed, re.MULTILINE)
    snippets = re.findall(r"^import .*?(?=\n\n)", printed, re.MULTILINE | re.DOTALL)
    expect(len(curls) == 6 and len(snippets) == 2, "curl lines are printed for Jira, the EFD, an instance, Python snippets for two")
    issue, temperatures = (
        json.loads(run(["bash", "-c", curl.replace("curl", "curl -sS --fail-with-body", 1)])) for curl in curls[:2]
    )
    expect(issue.get("key") in curls[0], f"the first curl line returns {issue.get('key')}")
    hours = temperatures["results"][0]["series"][0]["values"]
    expect(len(hours) in (24, 25), f"the second curl line returns temperatures of {len(hours)} hours")
    issues, curve = (run([sys.executable, "-"], snippet).splitlines() for snippet in snippets)
    expect(len(issues) == 5, f"the first Python snippet prints {len(issues)} issues")
    expect(len(curve) in (24, 25), f"the second Python snippet draws {len(curve)} hours")
    try_instance(curls[2:], printed)
    for name in ("page", "metrics", "EFD metrics", "instance metrics"):
        url = re.search(rf"^  {name} +(http\S+)", printed, re.MULTILINE)
        expect(bool(url) and status_of(url[1]) == 200, f"{name} answers")


def try_instance(curls: list[str], printed: str) -> None:
    reached, others, guest, handshake = curls
    told = run(["bash", "-c", reached])
    expect("x-forwarded-prefix: /instance/" in told and "eyJ" not in told, "the instance tells what reached it: no token")
    for curl, status, who in ((others, "404", "whose it is not"), (guest, "403", "who may not")):
        expect(run(["bash", "-c", curl]).split()[1] == status, f"somebody {who} gets {status}")
    head = run(["bash", "-c", handshake], status=CURL_TIME_IS_UP)
    expect(head.startswith("HTTP/1.1 101 "), "a WebSocket opens")
    address = re.search(r"^http\S+/sign-in$", printed, re.MULTILINE)
    expect(bool(address), "an address for browsers is printed")
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    with browser.open(address[0], timeout=SECONDS_TO_ANSWER) as page:
        expect("<h1>Demo instance</h1>" in page.read().decode(), f"it opens {page.url}")


def try_readme(printed: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```\s*```text\n(.*?)```", readme, re.DOTALL)
    token = re.search(r"^eyJ\S+$", printed, re.MULTILINE)
    expect(len(examples) == 2 and bool(token), "README has two examples with their output, the playground a token")
    for (code, shown), prefix in zip(examples, ("jira-data-proxy", "segwarides")):
        # The usual port may be taken on this machine.
        base = re.search(rf"http://\S+/{prefix}", printed)
        code = re.sub(rf"http://[^/\s]+/{prefix}", base[0], code)
        output = run([sys.executable, "-"], code, TOKEN=token[0])
        expect(output == shown, f"README's example prints what README shows:\n{output}")
    page = (ROOT / "docs/services/instance-proxy.md").read_text(encoding="utf-8")
    code, shown = re.search(r"```sh\n(.*?)```\s*```text\n(.*?)```", page, re.DOTALL).groups()
    base = re.search(r"http\S+/instance/42", printed)
    code = re.sub(r"http://\S+/instance/42", base[0], code)
    output = run(["bash", "-c", code], TOKEN=token[0])
    expect(output == shown, f"instance-proxy's example prints what its page shows:\n{output}")


def main() -> int:
    # Without a deadline, and with its progress on the terminal: the first build takes minutes.
    subprocess.run(["cargo", "build"], cwd=ROOT, check=True, stdin=subprocess.DEVNULL)
    try:
        playground, printed = start()
        print(printed, flush=True)
        try:
            try_what_is_printed(printed)
            try_readme(printed)
        except BaseException:
            stop(playground, signal.SIGINT)
            raise
        began = time.monotonic()
        expect(stop(playground, signal.SIGINT) == 0, f"Ctrl-C ends it with status 0, in {time.monotonic() - began:.1f} s")
        token_file = re.search(r"\$\(cat (\S+)\)", printed)
        expect(not Path(token_file[1]).exists(), "its temporary directory is gone")
    except Failed as failed:
        print(f"FAILED: {failed}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
