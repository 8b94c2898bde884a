"""Writes each service as an application of Phalanx: phalanx.py OUT, a Phalanx checkout or an empty folder.

The chart with its library inside and every value in its own values.yaml, its secrets, its page, and the Application of the
environment. What is there already and is not ours (values-<environment>.yaml) is left alone.
"""

import re
import shutil
import sys
import textwrap
from copy import deepcopy
from pathlib import Path

import yaml

from chartvalues import CHARTS, SERVICES, Value, parse, table, values
from values_schema import schema

LIBRARY = CHARTS / "nbgate-lib"
HEAD = "# Written by nbgate's `just phalanx`: what is changed here is lost with the next version.\n\n"
# What is usual in Phalanx.
DEFAULTS = {("ingress", "kind"): "gafaelfawr", ("secrets", "provider"): "vaultSecret"}


def usual(value: Value, path: tuple[str, ...] = ()) -> Value:
    """With the defaults that are Phalanx's, but for a service without secrets."""
    for key, child in value.children.items():
        here = (*path, key)
        if here in DEFAULTS and child.default != "none":
            child.default = DEFAULTS[here]
        usual(child, here)
        if isinstance(value.default, dict):
            value.default[key] = child.default
    return value


def own_first(value: Value, service: str) -> Value:
    """What is the service's own above what every service has."""
    own = parse((CHARTS / service / "values.yaml").read_text("utf-8")).children
    keys = [*(key for key in value.children if key in own), *(key for key in value.children if key not in own)]
    value.children = {key: value.children[key] for key in keys}
    return value


def written(value: Value, indent: str = "") -> str:
    """values.yaml, with comments as helm-docs reads them."""
    lines = []
    for key, child in value.children.items():
        if child.description:
            text = textwrap.wrap(f"-- {child.description}", 110, break_long_words=False, break_on_hyphens=False)
            lines += [f"{indent}# {line}" for line in text]
        if child.words is not None:
            lines.append(f"{indent}# @default -- {child.words}")
        if child.children and (not child.description or any(below.description for below in child.children.values())):
            lines += [f"{indent}{key}:", written(child, indent + "  ").rstrip("\n")]
        else:
            plain = yaml.safe_dump({key: child.default}, sort_keys=False, allow_unicode=True, width=200)
            lines.append(textwrap.indent(plain.rstrip("\n"), indent))
        if not indent:
            lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def chart_yaml(service: str) -> str:
    chart = yaml.safe_load((CHARTS / service / "Chart.yaml").read_text("utf-8"))
    library = yaml.safe_load((LIBRARY / "Chart.yaml").read_text("utf-8"))
    chart["version"] = "1.0.0"
    chart["dependencies"] = [{"name": "nbgate-lib", "version": library["version"], "repository": ""}]
    return yaml.safe_dump(chart, sort_keys=False)


def application(service: str) -> str:
    """As `phalanx application create` writes it."""
    return f"""{{{{- if (index .Values "applications" "{service}") -}}}}
apiVersion: v1
kind: Namespace
metadata:
  name: "{service}"
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: "{service}"
  namespace: "argocd"
  finalizers:
    - "resources-finalizer.argocd.argoproj.io"
spec:
  destination:
    namespace: "{service}"
    server: "https://kubernetes.default.svc"
  project: "rsp"
  source:
    path: "applications/{service}"
    repoURL: {{{{ .Values.repoUrl | quote }}}}
    targetRevision: {{{{ .Values.targetRevision | quote }}}}
    helm:
      parameters:
        - name: "global.host"
          value: {{{{ .Values.fqdn | quote }}}}
        - name: "global.vaultSecretsPath"
          value: {{{{ .Values.vaultPathPrefix | quote }}}}
      valueFiles:
        - "values.yaml"
        - "values-{{{{ .Values.name }}}}.yaml"
{{{{- end -}}}}
"""


def page(service: str, about: str) -> str:
    title = f"{service} — {about.rstrip('.')}"
    return f""".. px-app:: {service}

{'#' * len(title)}
{title}
{'#' * len(title)}

{about}

.. jinja:: {service}
   :file: applications/_summary.rst.jinja

Guides
======

.. toctree::
   :maxdepth: 1

   values
"""


def values_page(service: str) -> str:
    return f"""```{{px-app-values}} {service}
```

# {service} Helm values reference

Helm values reference table for the {{px-app}}`{service}` application.

```{{include}} ../../../applications/{service}/README.md
---
start-after: "## Values"
---
```
"""


def write(service: str, out: Path) -> None:
    folder, docs = out / "applications" / service, out / "docs/applications" / service
    for name in ("templates", "charts"):
        shutil.rmtree(folder / name, ignore_errors=True)
    shutil.copytree(CHARTS / service / "templates", folder / "templates")
    shutil.copytree(LIBRARY / "templates", folder / "charts/nbgate-lib/templates")
    shutil.copy(LIBRARY / "Chart.yaml", folder / "charts/nbgate-lib")
    if (secrets := CHARTS / service / "secrets.yaml").exists():
        shutil.copy(secrets, folder)
    about = re.search(r"^description: (.*)$", (CHARTS / service / "Chart.yaml").read_text("utf-8"), re.MULTILINE)[1]
    of_phalanx = usual(deepcopy(values(CHARTS / service)))
    (folder / "Chart.yaml").write_text(chart_yaml(service), "utf-8")
    (folder / "values.yaml").write_text(HEAD + written(own_first(of_phalanx, service)), "utf-8")
    (folder / "values.schema.json").write_text(schema(CHARTS / service), "utf-8")
    (folder / "README.md").write_text(f"# {service}\n\n{about}\n\n## Values\n\n{table(of_phalanx)}\n", "utf-8")
    docs.mkdir(parents=True, exist_ok=True)
    (docs / "index.rst").write_text(page(service, about), "utf-8")
    (docs / "values.md").write_text(values_page(service), "utf-8")
    environment = out / "environments/templates/applications/rsp"
    environment.mkdir(parents=True, exist_ok=True)
    (environment / f"{service}.yaml").write_text(application(service), "utf-8")


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: phalanx.py OUT", file=sys.stderr)
        return 2
    for service in SERVICES:
        write(service, Path(sys.argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
