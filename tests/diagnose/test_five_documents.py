"""The five documents: what their numbers show is found, and goes when the numbers change.

Each is tested twice: the reports in docs/samples (our own words with the same numbers), and the
real ones, which lie beside the repository.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from huohou import text
from huohou.diagnose.engine import Diagnosis, diagnose
from huohou.record.readers import read
from huohou.record.record import Record

OWN = Path(__file__).parents[2] / "docs" / "samples" / "reports"
SEEDS = Path(__file__).parents[3] / "shared" / "seeds"
NAMES = {"embedding": "000", "ranking": "001", "restart": "002", "memorised": "003", "job": "004"}

Edit = tuple[str, str]
Told = Callable[..., Diagnosis]


def place(name: str, which: str) -> Path:
    if which != "seed":
        return OWN / f"{name}.{which}.txt"
    found = sorted(SEEDS.glob(f"{NAMES[name]}_*.txt"))
    if not found:
        pytest.skip("../shared/seeds is not beside the repository")
    return found[0]


@pytest.fixture(params=["en", "zh", "seed"])
def told(request: pytest.FixtureRequest, tmp_path: Path) -> Told:
    """Diagnosis of a document, with words replaced in it."""

    def of(name: str, *edits: Edit) -> Diagnosis:
        path = place(name, request.param)
        words = path.read_text(encoding="utf-8")
        assert not edits or any(old in words for old, _ in edits)
        for old, new in edits:
            words = words.replace(old, new)
        copy = tmp_path / f"{name}.md"
        copy.write_text(words, encoding="utf-8")
        return diagnose(read(copy))

    return of


def codes(found: Diagnosis) -> set[str]:
    return {finding.code for finding in found.findings}


def claims(found: Diagnosis) -> dict[str, str]:
    return {claim["code"]: claim["decides"] for claim in found.claims}


def words(found: Diagnosis) -> str:
    """All that is said."""
    told = found.as_dict()
    findings = (
        " ".join([f["title"], f["why"], *(e["text"] for e in f["evidence"])])
        for f in told["findings"]
    )
    answered = (" ".join([c["statement"], c["decides"]]) for c in told["claims"])
    return " ".join([*findings, *answered])


@pytest.fixture(params=["en", "zh"])
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    text.use(request.param)
    yield request.param
    text.use(None)


def test_embedding(told: Told, language: str) -> None:
    found = told("embedding")
    assert {"positives-only-eval", "metric-meaningless"} <= codes(found)
    assert {"embedding-collapse", "scale-only"} & codes(found)
    assert "overfit" not in codes(found) and found.verdict == "faulty"
    assert {"val-below-train", "gap-shrinks", "mse-of-logits"} <= set(claims(found))
    assert "0.1947" in claims(found)["val-below-train"], "half an epoch of lag, with its numbers"
    assert "2.298" in claims(found)["mse-of-logits"]


# What each of the embedding's findings rests on, one thing at a time.
TRAIN = (("0.1930", "0.2930"), ("0.1449", "0.2449"), ("0.1115", "0.2115"), ("0.0875", "0.1875"))
ERRORS = (
    *(("RMSE=1.5", "RMSE=0.5"), ("RMSE＝1.5", "RMSE＝0.5"), ("MSE=2.3", "MSE=0.3")),
    *(("MSE＝2.3", "MSE＝0.3"), ("MAE=1.5", "MAE=0.2"), ("MAE＝1.5", "MAE＝0.2")),
)
FIRST = (("0.3133", "0.9"),)
LAST_EVAL, THIRD_EVAL = (("0.0777", "0.0982"),), (("0.1262", "0.1562"),)
NEGATIVES_TOO = (
    ("holds only positives (label=1)", "holds positives and negatives"),
    ("验证集全是正样本", "验证集有正样本和负样本"),
    ("验证集只有正样本（label=1）", "验证集有正样本和负样本"),
)
COLLAPSE, SCALE = "embedding-collapse", "scale-only"
POSITIVES, ERROR = "positives-only-eval", "metric-meaningless"


@pytest.mark.parametrize(
    ("edits", "gone"),
    [
        pytest.param(FIRST, {COLLAPSE}, id="the loss it stuck at"),
        pytest.param(TRAIN, set(), id="training losses"),
        pytest.param(ERRORS, set(), id="errors"),
        pytest.param(TRAIN + ERRORS, {SCALE}, id="training losses and errors"),
        pytest.param(LAST_EVAL, {SCALE}, id="the last validation loss"),
        pytest.param(THIRD_EVAL, set(), id="a validation loss between"),
        pytest.param(THIRD_EVAL + ERRORS, {SCALE}, id="a validation loss between and errors"),
        pytest.param(NEGATIVES_TOO, set(), id="the word of it"),
        pytest.param(NEGATIVES_TOO + ERRORS, {SCALE, POSITIVES, ERROR}, id="it, errors"),
        pytest.param(NEGATIVES_TOO + LAST_EVAL, {SCALE, POSITIVES, ERROR}, id="it, the last loss"),
    ],
)
def test_what_each_finding_of_the_embedding_rests_on(
    told: Told, edits: tuple[Edit, ...], gone: set[str]
) -> None:
    assert codes(told("embedding", *edits)) == {COLLAPSE, SCALE, POSITIVES, ERROR} - gone


@pytest.mark.parametrize(
    ("edits", "code"),
    [(TRAIN, SCALE), (ERRORS, SCALE), (THIRD_EVAL, SCALE), (ERRORS, POSITIVES), (ERRORS, ERROR),
     (LAST_EVAL, POSITIVES), (NEGATIVES_TOO, POSITIVES), (NEGATIVES_TOO, ERROR)],
)  # fmt: skip
def test_what_stays_with_one_reason_less(told: Told, edits: tuple[Edit, ...], code: str) -> None:
    def reasons(found: Diagnosis) -> int:
        return next(len(f.evidence) for f in found.findings if f.code == code)

    assert reasons(told("embedding", *edits)) < reasons(told("embedding"))


def test_a_lag_is_denied_where_training_losses_are_too_high(told: Told, language: str) -> None:
    found = claims(told("embedding", *TRAIN))
    assert "0.1947" in found["val-below-train"], "what the lag would give"
    assert "0.0484" in found["gap-shrinks"] and "0.1098" in found["gap-shrinks"]
    key = text.sentences(language)["claim.gap-shrinks.grew"]
    assert found["gap-shrinks"].startswith(key.split("{first}")[0])
    assert found["gap-shrinks"].endswith(key.split("{last}")[1])


def test_the_old_curve_of_the_embedding(told: Told) -> None:
    found = told("embedding")
    collapse = [f for f in found.findings if f.code == "embedding-collapse"]
    assert collapse and "softplus(-1)" in words(found) and "0.3133" in words(found)
    assert "softplus(-1)" not in words(told("embedding", ("0.3133", "0.4567")))


def test_ranking(told: Told, language: str) -> None:
    found = told("ranking")
    assert {"below-chance", "trained-on-eval"} <= codes(found)
    assert "0.003" in words(found), "p of 15 in 50 at a half"
    margin = [f for f in found.findings if f.code == "hinge-floor"]
    assert margin and any("0.0998" in e.text and "0.1" in e.text for e in margin[0].evidence)
    assert {"top-k-high", "same-rows-again", "no-overfit-unseen"} <= set(claims(found))
    assert "83.3" in claims(found)["top-k-high"] and "35" in claims(found)["same-rows-again"]


def test_ranking_above_chance(told: Told) -> None:
    above = [("10.0% (5/50)", "60.0% (30/50)"), ("30.0% (15/50)", "90.0% (45/50)")]
    above += [("76.0% (38/50)", "98.0% (49/50)"), ("76.0%（38/50）", "98.0%（49/50）")]
    found = told("ranking", *above)
    assert "below-chance" not in codes(found) and "top-k-high" not in claims(found)


def test_ranking_that_starts_off_the_margin(told: Told) -> None:
    first = ("0.0998", "0.0871")
    for edits in ([first], [first, ("0.0848", "0.0712"), ("0.0707", "0.0695")]):
        found = codes(told("ranking", *edits))
        assert "hinge-floor" not in found and {"below-chance", "trained-on-eval"} <= found


def test_ranking_without_hard_cases_among_the_evaluated(told: Told) -> None:
    none = [("35 hard cases (35 of", "0 hard cases (0 of"), ("35个 (70.0%)", "0个 (0.0%)")]
    found = told("ranking", *none, ("35个", "0个"))
    assert "trained-on-eval" not in codes(found)
    assert {"below-chance", "hinge-floor"} <= codes(found)
    open_ = text.say("claim.same-rows-again.wanted")
    assert claims(found).get("same-rows-again", open_) == open_, "no rows are said to be trained on"


def test_restart(told: Told, language: str) -> None:
    found = told("restart")
    assert "silent-restart" in codes(found) and found.verdict == "faulty"
    answered = [c for c in found.claims if c["code"] == "loss-target"]
    assert answered and "0.1-0.3" in answered[0]["text"]
    assert "0.61" in answered[0]["decides"] or "0.6065" in answered[0]["decides"]


def test_restart_that_goes_on(told: Told) -> None:
    assert "silent-restart" not in codes(told("restart", ("3.6947", "0.5112")))


def test_memorised(told: Told, language: str) -> None:
    found = told("memorised")
    assert "memorised" in codes(found) and "overfit" not in codes(found)
    assert {"low-loss-converged", "bleu-excellent", "preparation-time"} <= set(claims(found))
    assert "24,720" in claims(found)["low-loss-converged"]
    assert "198" in claims(found)["bleu-excellent"]
    assert "0.0057" in claims(found)["preparation-time"]
    said = words(found)
    wanted = ("over characters", "neither shown") if language == "en" else ("按字符", "未经证实")
    assert all(words in said for words in wanted)


def test_an_epoch_of_two_is_not_memorised(told: Told) -> None:
    found = told("memorised", ("174.62", "1.99"), ("175.00", "2.00"))
    assert "memorised" not in codes(found) and "low-loss-converged" not in claims(found)


def test_a_low_bleu_is_no_excellence(told: Told) -> None:
    assert "bleu-excellent" not in claims(told("memorised", ("90.87", "12.87")))


def test_job(told: Told, language: str) -> None:
    found = told("job")
    for gate in (
        {"metric": "facts.accuracy", "min": 0.8},
        {"metric": "facts.invented", "max": 0.0},
        {"metric": "loss.gap", "max": 0.2},
        {"metric": "loss.train", "max": 0.5},
        {"metric": "speed.seconds_per_answer", "max": 30.0},
    ):
        assert gate in found.gates, gate
    assert found.verdict == "cannot-judge" and not found.findings
    status = [c for c in found.criteria if c["metric"] == "status"]
    assert status and status[0]["met"] is False
    assert "loss-target" in claims(found) and "accuracy-on-training-rows" in claims(found)


def test_gates_follow_the_numbers(told: Told) -> None:
    edits = (("80%", "95%"), ("20%", "5%"), ("train_loss < 0.5", "train_loss < 0.7"))
    gates = told("job", *edits).gates
    assert {"metric": "facts.accuracy", "min": 0.95} in gates
    assert {"metric": "loss.gap", "max": 0.05} in gates
    assert {"metric": "loss.train", "max": 0.7} in gates


@pytest.mark.parametrize("name", NAMES)
def test_no_confidence_is_stated_of_a_report_in_prose(name: str) -> None:
    """The runs on which findings were counted are logs: none is told in sentences."""
    for which in ("en", "zh", "seed"):
        record = read(place(name, which))
        assert all(f.confidence is None for f in diagnose(record).findings), which
        logged = replace(record, source={**record.source, "reader": "jsonl"})
        found = diagnose(logged).findings
        assert not found or any(f.confidence is not None for f in found), which


@pytest.mark.parametrize("name", NAMES)
def test_nothing_expected_is_read_as_measured(name: str) -> None:
    for which in ("en", "zh", "seed"):
        record = read(place(name, which))
        values = {p.value for points in record.series.values() for p in points}
        told = {f.value for f in record.figures}
        assert not {0.03, 0.55, 0.6, 0.35, 1.0, 1.2, 49.0, 0.8} & (values | told), name
    if name == "job":
        assert not record.series and not record.figures and not record.others


def lines_of(record: Record) -> Iterator[tuple[int | None, float]]:
    for points in record.series.values():
        yield from ((point.line, point.value) for point in points)
    yield from ((figure.line, figure.value) for figure in record.figures)


@pytest.mark.parametrize("which", ["en", "zh", "seed"])
@pytest.mark.parametrize("name", NAMES)
def test_every_value_keeps_its_line(name: str, which: str) -> None:
    path = place(name, which)
    lines = path.read_text(encoding="utf-8").split("\n")
    for line, value in lines_of(read(path)):
        assert line is not None
        shown = (
            f"{value:g}",
            f"{100 * value:g}",
            f"{value:,.0f}",
            f"{value:.0f}",
            str(value),
            f"{value:.2e}",
        )
        raw = lines[line - 1].replace("＝", "=")
        assert any(one in raw for one in shown), (line, value, raw)
