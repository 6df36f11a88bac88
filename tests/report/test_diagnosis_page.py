"""The page of a diagnosis: it holds what was said, draws what was read, and runs nothing."""

import math
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from huohou import text
from huohou.diagnose.engine import diagnose
from huohou.diagnose.examples import falling, lives, run
from huohou.record.readers import read
from huohou.record.record import Point, Record
from huohou.report.chart import Curve, chart, thinned
from huohou.report.diagnosis_page import bands, page

REPORTS = Path(__file__).parents[2] / "docs" / "samples" / "reports"
EVALS = [0.98, 0.95, 1.1, 1.24, 1.33, 1.5, 1.61, 1.69, 1.76]
OVERFIT = run(loss=falling(2.0, 0.1, n=60), evals=EVALS)


class Checker(HTMLParser):
    """Counts tags and holds that every one is closed in order."""

    EMPTY = frozenset({"meta", "br", "line", "circle", "polyline"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.counts: dict[str, int] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not {name for name, _ in attrs} & {"src", "href", "onerror", "onload", "onclick"}
        self.counts[tag] = self.counts.get(tag, 0) + 1
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def checked(written: str) -> dict[str, int]:
    checker = Checker()
    checker.feed(written)
    assert not checker.open
    assert not {"script", "img", "link", "iframe"} & set(checker.counts)
    assert "url(" not in written
    return checker.counts


def test_the_page_shows_curves_findings_and_their_place() -> None:
    found = diagnose(OVERFIT)
    written = page(OVERFIT, found)
    counts = checked(written)
    assert counts["svg"] == 1 and counts["polyline"] == 2
    codes = [f.code for f in found.findings]
    assert "overfit" in codes
    assert all(f"{f.code}: " in written for f in found.findings)
    assert '<rect class="warning"' in written or '<rect class="error"' in written


def test_a_log_that_counts_epochs_alone_is_shaded_too(tmp_path: Path) -> None:
    """Keras' CSV has a line an epoch and no step: from the best epoch to the last it is bad."""
    path = tmp_path / "history.csv"
    losses = falling(2.0, 0.1, n=9)
    rows = [f"{i},{a},{b}" for i, (a, b) in enumerate(zip(losses, EVALS, strict=True), start=1)]
    path.write_text("\n".join(["epoch,loss,val_loss", *rows]))
    record = read(path)
    found = diagnose(record)
    assert "overfit" in [f.code for f in found.findings]
    told = found.as_dict()["findings"]
    assert all(set(e) == {"text", "step", "value"} for f in told for e in f["evidence"])
    written = page(record, found)
    checked(written)
    begins = [band.begin for band in bands(record, found.findings, by_step=False)]
    assert begins and min(begins) == 2, "the evaluation loss is lowest at epoch 2"
    assert all(band.end == 9 for band in bands(record, found.findings, by_step=False))
    assert '<rect class="error"' in written or '<rect class="warning"' in written
    assert 'text-anchor="end">epoch</text>' in written


@pytest.mark.parametrize("language", text.LANGUAGES)
def test_it_is_in_the_language_asked_for(language: str) -> None:
    text.use(language)
    try:
        written = page(OVERFIT, diagnose(OVERFIT))
    finally:
        text.use(None)
    assert f'<html lang="{language}">' in written
    assert ("建议" in written or "怎么做" in written or "做法" in written) is (language == "zh")


def test_two_lives_are_two_lines_and_lost_values_are_marked() -> None:
    record = lives(falling(3.69, 1.5), falling(3.69, 1.4))
    assert checked(page(record, diagnose(record)))["polyline"] == 2
    broken = run(loss=[2.0, 1.5, 1.2, math.nan, math.nan, math.inf, 1.0, 0.9, 0.8, 0.7])
    written = page(broken, diagnose(broken))
    assert written.count("&#215;") == 3
    assert checked(written)["polyline"] == 2


def test_what_a_log_says_is_never_taken_for_html() -> None:
    record = Record(
        {"path": "<script>alert(1)</script>"},
        {"eval_<b>x</b>": (Point(1.0, 1), Point(2.0, 2)), "loss": (Point(1.0, 1),)},
        notes=("<img src=x onerror=alert(1)>",),
    )
    checked(page(record, diagnose(record)))


def test_a_record_without_curves_has_a_page() -> None:
    empty = Record({"path": "nothing"})
    assert "svg" not in checked(page(empty, diagnose(empty)))


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), min_size=1, max_size=50),
    st.integers(0, 3),
)
def test_any_values_can_be_drawn(values: list[float], names: int) -> None:
    y = np.array(values)
    x = np.arange(len(y), dtype=float)
    curves = [Curve(f"c{i}", x, y, np.zeros(len(y))) for i in range(names)]
    drawn = chart(curves, [], "step", (0.0, float(len(y))))
    places = [float(v) for v in re.findall(r'(?:points|cx|x1|y1)="([-\d.]+)', drawn)]
    assert all(math.isfinite(v) for v in places)
    assert "nan" not in drawn and "inf" not in drawn.replace("info", "")


def test_thinning_keeps_a_single_spike() -> None:
    y = np.ones(1_000_000)
    y[123_456] = 50.0
    x, kept = thinned(np.arange(len(y), dtype=float), y)
    assert len(kept) <= 800 and kept.max() == 50.0
    assert x[kept.argmax()] == 123_456


@pytest.mark.parametrize("language", text.LANGUAGES)
def test_the_claims_of_a_report_are_answered_in_words(language: str) -> None:
    report = REPORTS / f"embedding.{language}.txt"
    text.use(language)
    try:
        record = read(report)
        written = page(record, diagnose(record))
        wrong_way = text.say("claim.verdict.reversed")
    finally:
        text.use(None)
    checked(written)
    assert f"<td>{wrong_way}</td>" in written


def test_steps_and_criteria_are_written_for_people() -> None:
    long = run(loss=falling(3.0, 1.0, n=60), evals=[2.5, 2.0, 1.5, 1.4, 1.3, 1.2], every=400)
    assert ">20,000<" in page(long, diagnose(long))
    job = read(REPORTS / "job.en.txt")
    written = page(job, diagnose(job))
    assert "<td>no</td>" in written and "<td>30</td>" in written and "False" not in written
