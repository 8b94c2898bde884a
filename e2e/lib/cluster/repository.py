"""The Git repository of a site: this one's charts and Argo CD objects, with the site's own values beside them."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

import lib
from lib.bench import Bench

_ROOT = Path(lib.__file__).parent.parent.parent
_ENVIRONMENT = "e2e"
_WHO = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")


class Repository:
    """A folder that Argo CD reads by `file://`; a commit is all that a developer does."""

    def __init__(self, bench: Bench) -> None:
        self.folder = bench.directory("site")
        self.url = f"file://{self.folder}"
        for part in ("charts", "deploy/argocd"):
            shutil.copytree(_ROOT / part, self.folder / part, ignore=shutil.ignore_patterns("*.tgz"))
        self._git("init", "--quiet", "--initial-branch=main")

    def values(self, service: str, values: dict[str, Any], copy: str = "") -> None:
        """The site's values of one service, or of a developer's copy of it."""
        self._file(service, copy).write_text(yaml.safe_dump(values, sort_keys=False))

    def change(self, service: str, edit: Callable[[dict[str, Any]], None], copy: str = "") -> str:
        """Edit these values and commit; the commit's name."""
        file = self._file(service, copy)
        values = yaml.safe_load(file.read_text())
        edit(values)
        file.write_text(yaml.safe_dump(values, sort_keys=False))
        return self.commit(f"{service}: change {file.name}")

    def remove(self, path: str) -> None:
        """A file that the next commit has no more."""
        (self.folder / path).unlink()

    def commit(self, message: str) -> str:
        """All that was changed; the commit's name."""
        self._git("add", "--all")
        self._git(*_WHO, "commit", "--quiet", "--allow-empty", "--message", message)
        return self._git("rev-parse", "HEAD").strip()

    def revert(self) -> str:
        """Undo the last commit by another one, as an operator rolls back."""
        self._git(*_WHO, "revert", "--no-edit", "HEAD")
        return self._git("rev-parse", "HEAD").strip()

    def _file(self, service: str, copy: str) -> Path:
        return self.folder / "charts" / service / f"values-{copy or _ENVIRONMENT}.yaml"

    def _git(self, *words: str) -> str:
        done = subprocess.run(["git", *words], cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout
