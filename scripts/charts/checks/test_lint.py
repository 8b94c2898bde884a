"""Other people's opinions: checkov on what is rendered, yamllint, hadolint, shellcheck."""

import json
import os
import subprocess
from pathlib import Path

import yaml

from chartvalues import ROOT
from helm import TOOLS

HERE = Path(__file__).parent


def tool(name: str, *arguments: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    # Their own modules have names such as ours.
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run([TOOLS / "venv/bin" / name, *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False)


def tracked(*patterns: str) -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return [name for name in names if (ROOT / name).exists()]


def test_checkov_finds_nothing_that_is_not_explained(all_objects: dict[str, list[dict]], tmp_path: Path) -> None:
    for name, objects in all_objects.items():
        (tmp_path / f"{name.replace(' ', '-')}.yaml").write_text(yaml.safe_dump_all(objects), "utf-8")
    exceptions = yaml.safe_load((HERE / "checkov.yaml").read_text("utf-8"))
    assert all(len(reason) > 20 for reason in exceptions.values())
    done = tool(
        "checkov", "--directory", tmp_path, "--framework", "kubernetes", "--output", "json", "--quiet", "--compact",
        "--skip-download", "--skip-check", ",".join(exceptions), cwd=tmp_path,
    )
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    found = {(check["check_id"], check["check_name"], check["resource"]) for check in report["results"]["failed_checks"]}
    assert not found
    assert report["summary"]["passed"] > 1000


def test_yaml_is_tidy() -> None:
    files = [name for name in tracked("charts/*.yaml", "deploy/*.yaml", "deploy/*.yml") if "/templates/" not in name]
    done = tool("yamllint", "--strict", "--config-file", HERE / "yamllint.yaml", *files)
    assert done.returncode == 0, done.stdout


def test_shell_scripts_are_sound() -> None:
    scripts = [ROOT / name for name in tracked("*.sh", ".ci/run")]
    run = [script for script in scripts if script.read_text("utf-8").startswith("#!")]
    assert len(run) > 3
    # Those that are sourced use variables of the script that sources them.
    sourced = [script for script in scripts if script not in run]
    for files, more in ((run, []), (sourced, ["--shell=bash", "--exclude=SC2154"])):
        done = tool("shellcheck", "--external-sources", "--source-path=SCRIPTDIR", f"--source-path={ROOT}", *more, *files)
        assert done.returncode == 0, done.stdout


def test_dockerfiles_are_sound() -> None:
    files = tracked("*Dockerfile*", "*Containerfile*")
    done = tool("hadolint", "--failure-threshold=info", *files) if files else None
    assert done is None or done.returncode == 0, done.stdout
