"""What the checks of the charts share."""

from pathlib import Path

import pytest

import helm
from chartvalues import SERVICES
from lib import rendered, sets_of_values


@pytest.fixture(scope="session")
def charts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All charts, ready to render."""
    return helm.copied(tmp_path_factory.mktemp("charts"))


@pytest.fixture(scope="session")
def all_objects(charts: Path) -> dict[str, list[dict]]:
    """Every chart with every set of values: "jira-proxy with example" to its objects."""
    return {
        f"{service} with {name}": helm.objects(rendered(charts / service, files))
        for service in SERVICES
        for name, files in sets_of_values(charts / service).items()
    }
