"""The report of a search: one stage and both, Markdown and HTML of the same blocks."""

from pathlib import Path

import pytest

from huohou import api
from huohou.evaluate.retrieval.score import scorecard
from huohou.record.recorder import Journal, Recorder
from huohou.report.blocks import Heading, Paragraph, Picture, Points, Table, markdown, page
from huohou.report.questions import Case, told
from search_job import pairs_folder, search_job, search_plan
from tiny_encoder import tiny_encoder_folder


def _job(folder: Path, plan: object, model: Path, number: int, name: str) -> Path:
    """A finished job as the workspace knows it, with curves."""
    search_job(folder, plan, model)  # type: ignore[arg-type]
    with Journal(folder / "job.jsonl", seg=0) as journal:
        journal.queued(number, name, "embed", "base", epochs=2, steps=4, plan={})
        journal.state("completed")
    with Recorder(folder / "events.jsonl") as recorder:
        recorder.start(recipe="embed", loss_kind="in-batch", batch_size=8)
        for step in range(1, 9):
            recorder.metrics(step, step / 4, loss=2.0 / step, scale=20.0, ln_n=2.08)
        for step in (4, 8):
            recorder.eval(step, step / 4, **{"eval_loss": 1.0, "eval_ndcg@10": 0.1 * step})
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("reports")
    data = pairs_folder(place / "pairs")
    base = tiny_encoder_folder(place / "base")
    first = tiny_encoder_folder(place / "one", seed=1)
    second = tiny_encoder_folder(place / "two", seed=2)
    one = _job(place / "runs" / "1-one", search_plan(data, base), first, 1, "one")
    plan = search_plan(data, one / "model", "align")
    two = _job(place / "runs" / "2-two", plan, second, 2, "two")
    (two / "constructed_data.jsonl").write_text("{}\n{}\n{}\n")
    (two / "hard_negatives.jsonl").write_text("{}\n")
    return place


@pytest.fixture(autouse=True)
def _workspace(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUOHOU_HOME", str(place / "runs"))


def test_a_run_without_a_score_says_how_to_get_one(place: Path, tmp_path: Path) -> None:
    text = api.report("one", folder=tmp_path)[0].read_text(encoding="utf-8")
    assert "huohou eval 1-one" in text


def test_both_stages_in_one_report(place: Path, tmp_path: Path) -> None:
    scorecard(place / "runs" / "2-two")
    written = api.report("2", folder=tmp_path)
    told_, drawn = (path.read_text(encoding="utf-8") for path in written)
    for text in (told_, drawn):
        for part in ("Stage 1, tiny", "Stage 2, tiny", "BM25", "the base encoder", "chance"):
            assert part in text
        assert "Of 3 training questions 1 were hard" in text
        assert "From stage 1 to stage 2" in text and "From the base encoder to stage 2" in text
        assert str(place) not in text.split("How it was scored")[0].replace(
            str(place / "pairs"), ""
        )
    assert drawn.count("<svg") >= 4 and "<script" not in drawn
    assert "| step | eval_loss | eval_ndcg@10 |" in told_.replace("\\", "")
    with pytest.raises(Exception, match="there already"):
        api.report("2", folder=tmp_path)
    api.report("2", folder=tmp_path, force=True)


def test_a_damaged_scorecard_is_told(place: Path, tmp_path: Path) -> None:
    card = place / "runs" / "1-one" / "scorecard.json"
    card.write_text("{}")
    with pytest.raises(Exception, match="not a scorecard"):
        api.report("one", folder=tmp_path)
    card.unlink()


def _case(before: float, after: float) -> Case:
    return Case(f"q {before:g}>{after:g}?", "the answer", before, after, "first", "second")


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (2, 1, "fixed"),
        (1, 3, "broken"),
        (4, 2, "still_wrong"),
        (1, 1, "still_right"),
        (1.5, 1, "fixed"),  # a tie for the first place is not first
    ],
)
def test_kinds_of_questions(before: float, after: float, kind: str) -> None:
    assert _case(before, after).kind == kind


def test_examples_that_moved_farthest_come_first() -> None:
    found = [_case(n, 1) for n in (2, 50, 3, 9, 4)]
    text = markdown(told(found, "base", "retrieval"))
    assert text.index("q 50>1") < text.index("q 9>1") < text.index("q 4>1")
    assert "q 2>1" not in text  # four are shown


def test_markup_in_texts_does_nothing() -> None:
    hostile = "<b>|*x*|</b>\n# [a](b)"
    blocks = [
        Heading(1, hostile),
        Paragraph(hostile, "error"),
        Points([hostile]),
        Table([hostile], [[hostile]]),
        Picture("", None),
    ]
    told_, drawn = markdown(blocks), page(hostile, "", blocks)
    assert "<b>" not in drawn.replace("<body>", "")
    assert "\n# [" not in told_ and "\\|" in told_ and "\\<b>" in told_
