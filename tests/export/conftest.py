"""One tiny job, taught once, and its releases."""

from pathlib import Path

import pytest

from huohou.diagnose.serving import judge
from huohou.export.release import export
from scored_job import TAUGHT
from tiny import tiny_job


@pytest.fixture(scope="session")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job's folder that nobody writes into but exports; ``base`` and rows lie beside it."""
    return tiny_job(tmp_path_factory.mktemp("export") / "1-tiny", TAUGHT)


@pytest.fixture(scope="session")
def merged(taught: Path) -> Path:
    """Its merged release."""
    return export(taught, "merged", judge, (TAUGHT, ())).folder


@pytest.fixture(scope="session")
def gguf_file(taught: Path) -> Path:
    """Its GGUF release's file."""
    folder = export(taught, "gguf", judge, (TAUGHT, ())).folder
    return next(folder.glob("*.gguf"))
