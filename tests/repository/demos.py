"""A demo from its first line to its last, as people see it."""

import os
import subprocess
import sys
from pathlib import Path


def surroundings(place: Path) -> dict[str, str]:
    """A workspace in a folder, and all cores: a demo's model is no tiny one."""
    env = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    return env | {"HUOHOU_HOME": str(place / "runs")}


def shown(place: Path, *words: str) -> str:
    """What ``huohou demo`` prints when it runs to its end in a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "huohou", "demo", *words],
        env=surroundings(place),
        cwd=place,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Warning" not in done.stderr
    return done.stdout
