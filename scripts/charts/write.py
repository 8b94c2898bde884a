"""Writes what is generated: a chart's schema and README, and the plain manifests for Argo CD."""

import json
import re
import sys
from pathlib import Path

import helm
from chartvalues import APP_OF_APPS, CHARTS, ROOT, SERVICES, table, values
from values_schema import schema

ARGOCD = ROOT / "deploy/argocd"
COPIES = ("dev1", "dev2")


def readme(chart: Path) -> str:
    about = re.search(r"^description: (.*)$", (chart / "Chart.yaml").read_text("utf-8"), re.MULTILINE)
    name = chart.name
    return f"""# Chart {name}

{about[1] if about else ""} Installing: [with Argo CD](../../docs/operations/install-argocd.md),
[with Helm alone](../../docs/operations/install-helm.md), [into Phalanx](../../docs/operations/install-phalanx.md). Its
configuration: [{name}, for operators](../../docs/operations/{name}.md#every-key).

Written from values.yaml, the library's values and the service's own reference of keys by `just charts-write`, as values.schema.json is.

## Values

{table(values(chart))}
"""


def manifest(template: str, *arguments: str) -> str:
    """One template of the app-of-apps chart, rendered."""
    rendered = helm.template(APP_OF_APPS, "--show-only", f"templates/{template}.yaml", *arguments)
    return re.sub(r"\A---\n# Source: .*\n", "", rendered).rstrip("\n") + "\n"


def applications(entries: dict[str, dict | None]) -> tuple[str, str]:
    return "--set-json", f"applications={json.dumps(entries)}"


def switched_on(chart: str) -> dict:
    """The plain manifests are there for every service, whatever the site has switched off in the app-of-apps."""
    return {"chart": chart, "enabled": True}


def application(chart: str, copy: str = "") -> str:
    name = f"{chart}-{copy}" if copy else chart
    entry = {"chart": chart, "copy": copy, "selfHeal": False} if copy else switched_on(chart)
    return manifest("applications", *applications({**dict.fromkeys(SERVICES), name: entry}))


def generated() -> dict[Path, str]:
    files = {}
    for chart in (*(CHARTS / name for name in SERVICES), APP_OF_APPS):
        files[chart / "values.schema.json"] = schema(chart)
        if chart.name in SERVICES:
            files[chart / "README.md"] = readme(chart)
    files[ARGOCD / "project.yaml"] = manifest("project", *applications({chart: switched_on(chart) for chart in SERVICES}))
    for chart in SERVICES:
        files[ARGOCD / f"applications/{chart}.yaml"] = application(chart)
        for copy in COPIES:
            files[ARGOCD / f"dev/{chart}-{copy}.yaml"] = application(chart, copy)
    return files


def main() -> int:
    # The app-of-apps chart is rendered with its schema, so that one comes first.
    (APP_OF_APPS / "values.schema.json").write_text(schema(APP_OF_APPS), "utf-8")
    for path, text in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
