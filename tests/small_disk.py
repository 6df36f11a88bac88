"""A disk of a few kilobytes, really mounted."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(place: Path, kilobytes: int) -> Iterator[Path]:
    """A folder on a disk of that size; skips the test where nothing may be mounted."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here; test_a_limit_on_file_sizes does the same")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
