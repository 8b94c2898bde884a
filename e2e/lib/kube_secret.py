"""A mounted Kubernetes Secret, without Kubernetes."""

import itertools
import os
import shutil
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path


class KubernetesSecret:
    """Files that change as the kubelet's do: a new timestamped folder, then one atomic rename of the `..data` symlink.

    A program that watches a file by its inode, or only its modification time, does not notice; that is the point.
    """

    _counter = itertools.count(1)

    def __init__(self, mount: Path, **files: str | bytes) -> None:
        mount.mkdir(parents=True)
        self.mount = mount
        self.write(**files)

    def write(self, **files: str | bytes) -> None:
        """Replace all files at once; names that are new get a symlink, and those that are gone lose theirs."""
        stamp = datetime.now(UTC).strftime("..%Y_%m_%d_%H_%M_%S")
        fresh = self.mount / f"{stamp}.{next(self._counter):09d}"
        fresh.mkdir()
        for name, content in files.items():
            (fresh / name).write_bytes(content.encode() if isinstance(content, str) else content)
        data, temporary = self.mount / "..data", self.mount / "..data_tmp"
        old = data.resolve() if data.is_symlink() else None
        temporary.symlink_to(fresh.name)
        os.replace(temporary, data)
        self._link(files.keys())
        if old is not None:
            shutil.rmtree(old)

    def _link(self, names: Collection[str]) -> None:
        links = {entry.name for entry in self.mount.iterdir() if entry.is_symlink() and entry.name != "..data"}
        for name in set(names) - links:
            (self.mount / name).symlink_to(Path("..data") / name)
        for name in links - set(names):
            (self.mount / name).unlink()

    def path(self, name: str) -> Path:
        """Where a program is told to look."""
        return self.mount / name
