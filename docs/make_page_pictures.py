"""Take the pictures of the page for README and docs/page.md: the real page, of real runs.

python docs/make_page_pictures.py           trains the runs below first (half an hour on two cores)
python docs/make_page_pictures.py FOLDER    the same there; runs that are there already are kept

Needs Chromium and Playwright, as the tests of the page do. Chromium is looked for as they do, or
named by HUOHOU_CHROMIUM. Pictures are PNG of at most 256 colours, below 150 kB each.
"""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

DOCS = Path(__file__).parent
IMAGES = DOCS / "images"
SAMPLE = DOCS / "samples" / "triage" / "trainer_state.json"
CHROMIUM = os.environ.get("HUOHOU_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
LARGEST = 150_000  # bytes
# What is trained, one after the other: the run file, and what is set beside it.
RUNS = (
    ("triage", {"name": "triage", "train.num_epochs": "12"}),
    ("triage", {"name": "triage, gentle", "train.num_epochs": "12", "train.learning_rate": "1e-4"}),
    ("triage", {"name": "triage, hot", "train.num_epochs": "12", "train.learning_rate": "2e-2"}),
    ("codes", {"name": "bank codes", "train.num_epochs": "3"}),
)
SCORED = ("1", "2")
# Trains while its page is taken; stopped afterwards.
LIVE = ("triage", {"name": "triage, longer", "train.num_epochs": "20"})
SEEN_AT = 25  # per cent


@dataclass(frozen=True)
class Shot:
    """A picture: where, and what is done there before it is taken."""

    name: str
    path: str
    do: Callable[[Any], None]
    size: tuple[int, int] = (1180, 900)
    languages: tuple[str, ...] = ("en", "zh")
    theme: str = "light"


def drawn(page: Any) -> None:
    """The curves are there."""
    page.locator("body[data-ready=charts]").wait_for()
    page.wait_for_timeout(1500)


def compared(page: Any) -> None:
    """The curves of all runs are there."""
    page.locator("[data-testid=chart-loss] canvas").wait_for()
    page.wait_for_timeout(1500)


def settled(page: Any) -> None:
    """Nothing is asked any more."""
    page.wait_for_timeout(2000)


def planned(page: Any) -> None:
    """The plan of the example is there, with its checks."""
    page.locator("[data-testid=start-button]:enabled").wait_for(timeout=300_000)
    page.wait_for_timeout(500)


def examined(page: Any) -> None:
    """A log was taken in and judged."""
    page.get_by_test_id("upload-input").set_input_files(str(SAMPLE))
    page.locator("[data-testid=doctor-verdict]").wait_for()
    page.wait_for_timeout(2000)


def answered(page: Any) -> None:
    """Questions about the table of codes, the last one with two answers to choose from."""
    page.get_by_test_id("mode-lookup").check(force=True)
    for question in ("大悟农商行兴发支行的联行号", "工行北京知春路支行联行号是多少"):
        page.get_by_test_id("ask-input").fill(question)
        page.get_by_test_id("ask-button").click()
        page.wait_for_timeout(500)
        page.locator("[data-testid=ask-button]:enabled").wait_for()
        page.wait_for_timeout(1500)


SHOTS = (
    Shot("jobs", "/", settled, (1180, 620)),
    Shot("new", "/new?example=facts", planned, (1280, 1000)),
    Shot("compare", "/compare?jobs=1,2,3", compared),
    Shot("doctor", "/doctor", examined),
    Shot("answers", "/answers", answered),
    Shot("job-dark", "/jobs/1", drawn, languages=("en",), theme="dark"),
)


def huohou(folder: Path, *words: str) -> str:
    """What a command prints. Raises CalledProcessError."""
    return subprocess.run(
        [sys.executable, "-m", "huohou", *words],
        cwd=folder, env=environment(folder), stdout=subprocess.PIPE, encoding="utf-8", check=True,
    ).stdout  # fmt: skip


def environment(folder: Path) -> dict[str, str]:
    """For commands in that folder: its runs, English."""
    return {**os.environ, "HUOHOU_HOME": str(folder / "runs"), "HUOHOU_LANG": "en"}


def jobs(folder: Path) -> list[dict[str, Any]]:
    """All jobs, the oldest first."""
    found: list[dict[str, Any]] = json.loads(huohou(folder, "runs", "ls", "--json"))["runs"]
    return sorted(found, key=lambda job: int(job["id"]))


def prepare(folder: Path) -> None:
    """Data, runs and scores that are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "triage").exists():
        huohou(folder, "init", "triage")
    if not (folder / "codes").exists():
        huohou(folder, "init", "codes", "--template", "facts")
    if not (folder / "codes" / "data").exists():
        make = "data make branches.csv -o data --facts 24 --system @system.txt"
        huohou(folder / "codes", *make.split())
    done = {job["name"] for job in jobs(folder)}
    for what, settings in RUNS:
        if settings["name"] not in done:
            train(folder, what, settings)
    for number in SCORED:
        if not any((folder / "runs").glob(f"{number}-*/eval*")):
            huohou(folder, "eval", number)


def train(folder: Path, what: str, settings: dict[str, str], *options: str) -> None:
    """Train a run file's job with these settings."""
    flags = [word for key, value in settings.items() for word in ("-s", f"{key}={value}")]
    huohou(folder, "train", f"{what}/run.yaml", *flags, *options)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a server of that folder's runs."""
    with subprocess.Popen(
        [sys.executable, "-m", "huohou", "serve", "--port", "0"],
        cwd=folder, env=environment(folder), stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found is not None
            yield found[0].rstrip("/")
        finally:
            process.terminate()


@contextmanager
def living(folder: Path) -> Iterator[str]:
    """The number of a job that trains."""
    train(folder, LIVE[0], LIVE[1], "--if-exists", "new", "--detach")
    job = str(jobs(folder)[-1]["id"])
    try:
        yield job
    finally:
        huohou(folder, "stop", job)


def wait_until_begun(url: str, job: str) -> None:
    """Until it has done enough to be looked at."""
    while True:
        with urlopen(f"{url}/api/jobs/{job}") as answer:
            told = json.load(answer)
        if told["status"] in ("completed", "failed", "stopped", "lost"):
            raise SystemExit(f"job {job} is {told['status']}")
        if (told["progress_percentage"] or 0) >= SEEN_AT:
            return
        time.sleep(2)


def take(browser: Any, url: str, shot: Shot) -> None:
    """Its pictures in all its languages."""
    for language in shot.languages:
        width, height = shot.size
        context = browser.new_context(
            base_url=url,
            viewport={"width": width, "height": height},
            locale={"en": "en-GB", "zh": "zh-CN"}[language],
            color_scheme=shot.theme,
            reduced_motion="reduce",
        )
        page = context.new_page()
        page.goto(shot.path)
        shot.do(page)
        name = f"page-{shot.name}.png" if language == "en" else f"page-{shot.name}.{language}.png"
        small(page.screenshot(), IMAGES / name)
        context.close()


def small(png: bytes, path: Path) -> None:
    """Keep a picture in as many colours as it needs to be seen well. Raises SystemExit."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    sys.stdout.write(f"{path.name}: {path.stat().st_size:,} bytes\n")
    if path.stat().st_size > LARGEST:
        raise SystemExit(f"{path.name} is larger than {LARGEST:,} bytes")


def main(arguments: list[str]) -> None:
    """Prepare what is not there, take all pictures."""
    from playwright.sync_api import sync_playwright

    folder = Path(arguments[0] if arguments else Path(tempfile.gettempdir()) / "shop").resolve()
    prepare(folder)
    with served(folder) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for shot in SHOTS:
            take(browser, url, shot)
        with living(folder) as job:
            wait_until_begun(url, job)
            take(browser, url, Shot("job", f"/jobs/{job}", drawn, (1180, 960)))
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
