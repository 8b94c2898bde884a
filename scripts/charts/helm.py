"""Helm, run on charts whose library is in place."""

import os
import shutil
import subprocess
from pathlib import Path

import yaml

from chartvalues import CHARTS, SERVICES

TOOLS = Path(os.environ["NBGATE_CHART_TOOLS"])


def helm(*arguments: str | Path, version: str = "helm", check: bool = True) -> subprocess.CompletedProcess[str]:
    """`version` is helm (4) or helm3."""
    done = subprocess.run([TOOLS / "bin" / version, *arguments], capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise RuntimeError(f"{version} {' '.join(map(str, arguments))}: {done.stderr}")
    return done


def copied(into: Path) -> Path:
    """A copy of all charts, each service's with the library as Helm packs it: nothing is written into the clone."""
    charts = into / "charts"
    shutil.copytree(CHARTS, charts, ignore=shutil.ignore_patterns("Chart.lock", "*.tgz"))
    for service in SERVICES:
        helm("dependency", "build", charts / service)
    return charts


def template(chart: Path, *arguments: str | Path, version: str = "helm", kubernetes: str = "1.34") -> str:
    place = ("--namespace", chart.name, "--kube-version", kubernetes)
    return helm("template", chart.name, chart, *place, *arguments, version=version).stdout


def objects(rendered: str) -> list[dict]:
    return [document for document in yaml.safe_load_all(rendered) if document]
