#!/usr/bin/env python3
"""Run fuzz targets: `just fuzz SECONDS`, each target for that long, as many at a time as there are processors.

Builds `fuzz/` with cargo-fuzz and starts its programs, each with a copy of its seeds as corpus, so that nothing is written into
the clone. Prints one line per target, writes `summary.json` beside the corpora, and exits with 1 if one has a finding.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FUZZ = ROOT / "fuzz"
# Large enough for what there is to say, small enough to try millions.
MAX_LENGTH = {"configuration": 4096, "key_set": 4096, "jwt": 2048}
MAX_LENGTH_OTHERS = 1024
LIMITS = ["-timeout=10", "-rss_limit_mb=2048"]
PROGRESS = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)/")
EXECUTED = re.compile(r"stat::number_of_executed_units: (\d+)")
PER_SECOND = re.compile(r"stat::average_exec_per_sec:\s+(\d+)")


def check_lock() -> None:
    """Refuse to fuzz other versions of the dependencies than those that are shipped."""

    def versions(lock: Path) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for package in tomllib.loads(lock.read_text())["package"]:
            found.setdefault(package["name"], set()).add(package["version"])
        return found

    shipped = versions(ROOT / "Cargo.lock")
    other = [
        f"{name} {', '.join(sorted(have - shipped[name]))}"
        for name, have in versions(FUZZ / "Cargo.lock").items()
        if name in shipped and not have <= shipped[name]
    ]
    if other:
        sys.exit("fuzz/Cargo.lock has other versions than Cargo.lock: run `just fuzz-lock`\n  " + "\n  ".join(other))


def build(cargo_fuzz: Path, target_dir: Path) -> Path:
    """Build every target; where the programs are."""
    # No sanitizer: none of our code is `unsafe` (the compiler forbids it), and without one the stable compiler does, builds
    # are quicker and there are more executions. Coverage and debug assertions are there all the same.
    command = ["cargo", "fuzz", "build", "--fuzz-dir", FUZZ, "--sanitizer", "none", "--target-dir", target_dir]
    path = f"{cargo_fuzz.parent}{os.pathsep}{os.environ['PATH']}"
    # cargo-fuzz knows no `--locked`.
    locked = (FUZZ / "Cargo.lock").read_bytes()
    subprocess.run(command, cwd=ROOT, env=os.environ | {"PATH": path}, check=True)
    if (FUZZ / "Cargo.lock").read_bytes() != locked:
        (FUZZ / "Cargo.lock").write_bytes(locked)
        sys.exit("fuzz/Cargo.lock is not up to date: run `just fuzz-lock`")
    (programs,) = target_dir.glob("*-*-*/release")
    return programs


def empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def fuzz(target: str, seconds: int, programs: Path, scratch: Path) -> dict:
    """Run one target; what came of it."""
    corpus, artifacts = (empty(scratch / folder / target) for folder in ("corpus", "artifacts"))
    seeds = FUZZ / "corpus" / target
    shutil.copytree(seeds, corpus, dirs_exist_ok=True)
    command = ["nice", "-n", "19", programs / target, corpus, *LIMITS, f"-artifact_prefix={artifacts}/", "-print_final_stats=1"]
    command += [f"-max_len={MAX_LENGTH.get(target, MAX_LENGTH_OTHERS)}"]
    command += [f"-dict={FUZZ / 'dictionaries' / target}"] if (FUZZ / "dictionaries" / target).exists() else []
    began, executions, log, findings = time.monotonic(), 0, scratch / f"{target}.log", []
    while (left := round(seconds - (time.monotonic() - began))) > 0 and not findings:
        before = written(artifacts)
        with log.open("wb") as output:
            timed = [*command, f"-max_total_time={left}"]
            # A target that hangs beyond its own limits must not hang CI. The working directory is scratch too.
            code = subprocess.run(timed, cwd=scratch, stderr=output, stdout=output, timeout=left + 300).returncode
        result = figures(log.read_text(errors="replace"))
        executions += result["executions"]
        # A stall ends the run: go on with what is left of the time.
        findings = sorted(str(path) for path in artifacts.iterdir() if not is_stall(programs / target, path))
        if code and written(artifacts) == before:
            findings.append(f"it ended with {code}")
    result |= {"target": target, "seconds": round(time.monotonic() - began), "executions": executions}
    result |= {"seeds": len(list(seeds.iterdir())), "findings": findings, "log": str(log)}
    return result | {"passed": not findings and executions > 0}


def written(folder: Path) -> dict[Path, int]:
    """What lies there, and since when: an input that is found twice has one name."""
    return {path: path.stat().st_mtime_ns for path in folder.iterdir()}


def is_stall(program: Path, artifact: Path) -> bool:
    """Whether the machine was slow, and not the target: alone, the input is done in time. On a busy machine both happen."""
    if not artifact.name.startswith(("slow-unit-", "timeout-")):
        return False
    return subprocess.run([program, LIMITS[0], artifact], capture_output=True).returncode == 0


def figures(log: str) -> dict:
    """What libFuzzer counted."""
    coverage, features, corpus = (PROGRESS.findall(log) or [("0", "0", "0")])[-1]
    executed, per_second = EXECUTED.search(log), PER_SECOND.search(log)
    return {
        "executions": int(executed[1]) if executed else 0,
        "executions_per_second": int(per_second[1]) if per_second else 0,
        "coverage": int(coverage),
        "features": int(features),
        "corpus": int(corpus),
    }


def show(result: dict) -> None:
    print(
        "{target:18} {seconds:5} s {executions:>12,} executions {executions_per_second:>8,}/s"
        "  coverage {coverage:>6}  corpus {corpus:>5}  ".format(**result)
        + ("no finding" if result["passed"] else "FINDING"),
        flush=True,
    )
    if not result["passed"]:
        tail = Path(result["log"]).read_text(errors="replace").splitlines()
        panics = [line for line in tail if "panicked at" in line or "ERROR: libFuzzer" in line]
        print("    " + "\n    ".join(panics[:4] + result["findings"] + [f"all it said: {result['log']}"]), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("seconds", type=int, help="how long each target runs")
    parser.add_argument("targets", nargs="*", help="all, if none is named")
    parser.add_argument("--cargo-fuzz", type=Path, required=True, help="where cargo-fuzz is")
    parser.add_argument("--target-dir", type=Path, required=True, help="where to build")
    parser.add_argument("--scratch", type=Path, required=True, help="for working corpora, findings and the summary")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="how many at a time")
    arguments = parser.parse_args()
    if arguments.seconds < 1:
        sys.exit("SECONDS is at least 1")
    known = [target["name"] for target in tomllib.loads((FUZZ / "Cargo.toml").read_text())["bin"]]
    if unknown := set(arguments.targets) - set(known):
        sys.exit(f"there is no target {', '.join(sorted(unknown))}: there are {', '.join(known)}")
    check_lock()
    programs = build(arguments.cargo_fuzz, arguments.target_dir)
    scratch = arguments.scratch.resolve()
    scratch.mkdir(parents=True, exist_ok=True)

    def run(target: str) -> dict:
        result = fuzz(target, arguments.seconds, programs, scratch)
        show(result)
        return result

    with ThreadPoolExecutor(arguments.jobs) as pool:
        results = list(pool.map(run, arguments.targets or known))
    summary = scratch / "summary.json"
    summary.write_text(json.dumps(results, indent=2) + "\n")
    total = sum(result["executions"] for result in results)
    failed = [result["target"] for result in results if not result["passed"]]
    print(f"{total:,} executions; {summary}")
    if failed:
        sys.exit(f"findings in {', '.join(failed)}: what to do with one is in CONTRIBUTING.md")


if __name__ == "__main__":
    main()
