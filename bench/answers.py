"""Answers from a table of 155,000 bank branches: right, never invented, calibrated, and quick.

Run as: python bench/answers.py [--quick]

The table has the real rows and invented ones with right check digits (``_bank_table``). 2,000
questions in every style are made from it by ``huohou data make`` (``_questions``); 440 more were
written by hand (``asked_by_people.md``) and are counted apart, against the real rows alone. In
``grounded`` the bundled model is asked where the look-up leaves a choice; then again, with a weight
at which its word decides, on more questions until it has chosen 500 times, and dice take its place
in 20,000 answers, to try whether anything that a model says can make a code that is in no row
(``_model_choices``). 300 codes it writes by itself, held to those of the table. Look-ups are timed
one after the other, then by 50 callers at once. --quick: 400 questions, the model chooses 20 times
and writes 5, fewer answers with dice.
"""

import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "2")

import numpy as np

import _bank_table
import _people
from _common import arguments, report
from _model_choices import Counted, by_dice, by_the_model, written
from _questions import questions
from huohou.answer.choose import Model
from huohou.answer.engine import Engine
from huohou.answer.index import FactIndex, open_index
from huohou.api.answers import open_engine
from huohou.data.dataset import Dataset, Row
from huohou.data.facts import FactTable, read_facts
from huohou.evaluate.answers.numbers import metrics
from huohou.evaluate.answers.score import answers
from huohou.evaluate.answers.told import Answered, Facts
from huohou.evaluate.items import Context
from huohou.measure.facts import Outcome

SLIPPED = ("typo", "homophone", "accent", "missing", "doubled", "swapped", "abbreviation")
CALLERS, SECONDS = 50, 10.0
SEED = 20261122  # of questions that nothing was fitted on or read from
TARGETS: dict[str, dict[str, float]] = {
    "grounded_accuracy": {"min": 0.99},
    "grounded_accuracy_slipped": {"min": 0.98},
    "grounded_wrong_real": {"max": 0.005},
    "grounded_refused": {"min": 0.99},
    "lookup_accuracy": {"min": 0.99},
    "answers_the_model_changed": {"min": 1},
    "answers_invented_by_the_model": {"max": 0},
    "answers_invented_by_dice": {"max": 0},
    "constrained_invented": {"max": 0},
    "confidence_ece": {"max": 0.05},
    "confidence_brier_skill": {"min": 0.0},
    "confidence_auroc": {"min": 0.8},
    "lookup_p50_ms": {"max": 10},
    "lookup_p99_ms": {"max": 50},
    "lookups_per_second_50_callers": {"min": 100},
    "index_build_seconds": {"max": 60},
    "index_open_seconds": {"max": 1},
    "index_mb": {"max": 300},
    "grounded_answer_with_the_model_p50_seconds": {"max": 1},
}
ENOUGH: dict[str, dict[str, float]] = {  # that "none invented" says something; not of --quick
    "choices_by_the_model_at_full_trust": {"min": 500},
    "answers_with_dice": {"min": 20_000},
    "choices_by_dice": {"min": 500},
    "constrained_answers": {"min": 300},
}


def main() -> None:
    """Measure and report."""
    quick = arguments(__doc__ or "").quick
    with tempfile.TemporaryDirectory() as place:
        figures = measured(Path(place), quick)
    for name, value in figures.items():
        print(f"{name:<36} {value:,.4f}")
    wanted = TARGETS if quick else TARGETS | ENOUGH
    targets = {name: target for name, target in wanted.items() if name in figures}
    report("answers", figures, targets)


def measured(place: Path, quick: bool) -> dict[str, float]:
    """Every figure, in the order of the page."""
    source, rows = place / "table.csv", 155_000
    _bank_table.write_bank_table(source, rows)
    table = read_facts(source)
    figures: dict[str, float] = {"rows": rows}
    seconds, index = timed(lambda: FactIndex.build(table, place / "index"))
    figures["index_build_seconds"] = seconds
    figures["index_open_seconds"] = min(
        timed(lambda: FactIndex.open(place / "index"))[0] for _ in range(3)
    )
    figures |= _of_process(place / "index")
    asked = questions(table, 400 if quick else 2_000, seed=SEED)
    facts = Facts.of(table)
    model = _bundled()
    figures |= _right(index, asked, facts, Counted(model, 20 if quick else None))
    figures |= _speed(index, asked)
    figures |= by_dice(index, asked, facts, 2_000 if quick else 20_000)
    figures |= by_the_model(index, model, _more(table, quick), facts, 20 if quick else 500)
    figures |= written(index, model, asked, facts, 5 if quick else 300)
    figures |= _by_people(place)
    return figures


def _bundled() -> Model:
    model = open_engine(_bank_table.REAL, mode="grounded").writer
    assert model is not None
    return model


def _more(table: FactTable, quick: bool) -> Iterator[Row]:
    """Questions without end, none of a seed that other figures are from."""
    for number in count(1):
        yield from questions(table, 400 if quick else 4_000, seed=SEED + 1_000 * number)


def _right(
    index: FactIndex, asked: Sequence[Row], facts: Facts, model: Counted
) -> dict[str, float]:
    """Look-up and grounded on the same questions; what the model took where it was asked."""
    questions_ = Dataset("made", "facts", tuple(asked))
    lookup = Engine(index)
    plain = answers(lambda q: lookup.ask(q, "lookup").as_dict(), questions_, facts, "lookup")
    figures = _shares("lookup", plain, facts)
    engine = Engine(index, model)
    grounded = answers(lambda q: engine.ask(q, "grounded").as_dict(), questions_, facts, "grounded")
    figures |= _shares("grounded", grounded, facts)
    figures["grounded_model_asked"] = len(model.seconds)
    numbers = {m.name: m.value for m in metrics(grounded, Context(facts.known, True))}
    for name in ("ece", "brier", "brier_skill", "auroc"):
        if f"confidence.{name}" in numbers:
            figures[f"confidence_{name}"] = numbers[f"confidence.{name}"]
    return figures


def _shares(mode: str, found: Sequence[Answered], facts: Facts) -> dict[str, float]:
    known = [one for one in found if one.item.expect is not None]
    slipped = [one for one in known if one.item.style in SLIPPED]
    unknown = [one for one in found if one.item.expect is None]
    wrong = [_is(one, Outcome.WRONG_REAL) for one in found]
    return {
        f"{mode}_accuracy": share([_good(one) for one in known]),
        f"{mode}_accuracy_slipped": share([_good(one) for one in slipped]),
        f"{mode}_refused": share([_good(one) for one in unknown]),
        f"{mode}_wrong_real": share(wrong),
    }


def _good(one: Answered) -> bool:
    return one.item.judgement is not None and one.item.judgement.right


def _is(one: Answered, outcome: Outcome) -> bool:
    return one.item.judgement is not None and one.item.judgement.outcome is outcome


def _speed(index: FactIndex, asked: Sequence[Row]) -> dict[str, float]:
    """One after the other, then 50 callers at once for ten seconds."""
    engine = Engine(index)
    texts = [row.question for row in asked]
    long = "联行号" + texts[0] * 400
    times = [timed(partial(engine.ask, text, "lookup"))[0] for text in [*texts, long]]
    done, end = [0] * CALLERS, time.perf_counter() + SECONDS

    def caller(number: int) -> None:
        dice = random.Random(number)
        while time.perf_counter() < end:
            engine.ask(dice.choice(texts), "lookup")
            done[number] += 1

    threads = [threading.Thread(target=caller, args=(n,)) for n in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        "lookup_p50_ms": float(np.percentile(times, 50)) * 1000,
        "lookup_p99_ms": float(np.percentile(times, 99)) * 1000,
        "lookup_10000_characters_ms": times[-1] * 1000,
        "lookups_per_second_50_callers": sum(done) / SECONDS,
    }


def _by_people(place: Path) -> dict[str, float]:
    """The questions written by hand, against the real rows they were written for."""
    index = open_index(_bank_table.REAL, cache_folder=place / "people")
    engine = Engine(index)
    figures: dict[str, float] = {}
    for name in _people.FILES:
        figures |= _people.score(lambda q: engine.ask(q, "lookup").as_dict(), name)[0]
    return figures


MEMORY = """
import resource, sys
from pathlib import Path
from huohou.answer.engine import Engine
from huohou.answer.index import FactIndex
engine = Engine(FactIndex.open(Path(sys.argv[1])))
for number in range(100):
    engine.ask(f"工商银行第{number}支行的联行号", "lookup")
if sys.platform == "linux":  # the kernel's other figure holds what the parent had before exec
    lines = Path("/proc/self/status").read_text().splitlines()
    print(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def _of_process(folder: Path) -> dict[str, float]:
    """Memory of a process of its own that opens the index and answers a hundred questions."""
    command = [sys.executable, "-c", MEMORY, str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return {"index_mb": float(done.stdout) / (1e6 if sys.platform == "darwin" else 1e3)}


def share(hits: Sequence[bool]) -> float:
    """Of true ones; 1 of none."""
    return sum(hits) / len(hits) if hits else 1.0


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds and the result."""
    begin = time.perf_counter()
    found = work()
    return time.perf_counter() - begin, found


if __name__ == "__main__":
    main()
