"""The page's scripts: their syntax, what they import, the words they say, the library they use."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from huohou.text import LANGUAGES, sentences
from huohou.web import app, html

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((app.STATIC / "js").glob("*.js"))
LIB = app.STATIC / "lib"
LOCK = Path(app.__file__).parent / "package-lock.json"
HINT = "run `python hatch_build.py`, which fetches it with npm"


def node() -> str:
    """A Node: the machine's, else the one that comes with Playwright."""
    from playwright._impl._driver import compute_driver_executable

    found: str = shutil.which("node") or compute_driver_executable()[0]
    return found


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_syntax(script: Path) -> None:
    with script.open("rb") as text:
        done = subprocess.run(
            [node(), "--check", "--input-type=module", "-"],
            stdin=text,
            capture_output=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr.decode()


def compiler() -> Path:
    """TypeScript's compiler by the lock file, fetched once into ``build/``."""
    here = Path(__file__).parent
    lock = (here / "package-lock.json").read_bytes()
    place = ROOT / "build" / f"typescript-{hashlib.sha256(lock).hexdigest()[:12]}"
    found = place / "node_modules" / "typescript" / "bin" / "tsc"
    if not found.is_file():
        place.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(here / name, place)
        command = [
            shutil.which("npm") or "npm",
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
        ]
        subprocess.run(command, cwd=place, check=True, capture_output=True)
    return found


def test_types() -> None:
    """What JSDoc says of values holds: a name that is not there, a slip in a field."""
    try:
        tsc = compiler()
    except (OSError, subprocess.CalledProcessError) as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no TypeScript here, npm fetches it: {error}")
    command = [node(), str(tsc), "-p", str(Path(__file__).parent / "tsconfig.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_imports_are_there() -> None:
    """A name that is imported is exported: browsers say so only when the page is opened."""
    exports = {
        script.name: set(
            re.findall(
                r"^export (?:default )?(?:async )?(?:function\*?|class|const|let) (\w+)",
                script.read_text("utf-8"),
                re.M,
            )
        )
        for script in SCRIPTS
    }
    for script in SCRIPTS:
        text = script.read_text("utf-8")
        for names, source in re.findall(r'^import \{([^}]*)\} from "\./([\w.-]+)"', text, re.M):
            wanted = {name.split(" as ")[0].strip() for name in names.split(",") if name.strip()}
            assert source in exports, f"{script.name} imports {source}"
            assert wanted <= exports[source], (
                f"{script.name} from {source}: {wanted - exports[source]}"
            )


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_that_scripts_say_are_there(language: str) -> None:
    known = sentences(language)
    for script in SCRIPTS:
        for key in re.findall(
            r"""["'`]((?:web\.js|state)\.[\w.-]+)["'`]""", script.read_text("utf-8")
        ):
            assert key in known, f"{script.name}: {key}"


def scripts_of(page: str) -> list[Path]:
    """The scripts that a page loads: its own, the shell's, and what they import."""
    found = [app.STATIC / "js" / f"{name}.js" for name in ("shell", page)]
    for script in found:
        text = script.read_text("utf-8")
        for name in re.findall(r"""(?:from|import|import\() ?["']\./([\w.-]+)["']""", text):
            if script.parent / name not in found:
                found.append(script.parent / name)
    return found


@pytest.mark.parametrize("page", [name for name in html.NAMES if name != "error"])
def test_a_pages_words_reach_it(page: str) -> None:
    """Words named after a page go to that page alone, unless it shares them."""
    words = html.words(page)
    for script in scripts_of(page):
        for key, more in re.findall(
            r"""["'`](web\.js\.[\w.-]+)(["'`]|\$\{)""", script.read_text("utf-8")
        ):
            reaches = any(word.startswith(key) for word in words) if more == "${" else key in words
            assert reaches, f"{script.name} says {key}, which the page {page} does not get"


def test_the_chart_library_is_there_and_of_the_locks_version() -> None:
    locked = json.loads(LOCK.read_text("utf-8"))["packages"]["node_modules/uplot"]
    assert (LIB / "uPlot.iife.min.js").is_file(), HINT
    assert f"(v{locked['version']})" in (LIB / "uPlot.iife.min.js").read_text("utf-8")[:100], HINT
    assert json.loads((LIB / "uplot.json").read_text())["integrity"] == locked["integrity"], HINT
    assert (LIB / "uPlot.min.css").is_file()
    assert "MIT License" in (LIB / "uPlot-LICENSE.txt").read_text("utf-8")


def test_the_lock_names_no_registry() -> None:
    text = LOCK.read_text("utf-8")
    assert "resolved" not in text
    assert "http" not in text
