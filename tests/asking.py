"""Tables, models and engines that the tests of answers share."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

from huohou.answer.choose import Chooser, Writer
from huohou.answer.confidence import Confidence
from huohou.answer.engine import Engine
from huohou.answer.index import FactIndex, open_index
from huohou.errors import ModelError

ROOT = Path(__file__).parents[1]
BRANCHES = ROOT / "examples/bank_codes/branches.csv"
CITIES = ROOT / "examples/city_codes/cities.csv"
SHARED = ROOT.parent / "shared/data/bank_codes/gweesin__CNAPS"
MADE_UP = "313164400027"
FOUR = (  # of the report that asked for this: its four tests
    ("湖北大悟农村商业银行股份有限公司兴发支行", "402535510938"),
    ("工商银行北京市知春路支行联行号", "102100020794"),
    ("大悟农商行兴发支行", "402535510938"),
    ("联行号402535510938是哪个银行", "湖北大悟农村商业银行股份有限公司兴发支行"),
)


def index_of(source: str | Path, cache: Path) -> FactIndex:
    """The index of a table, kept below a test's folder."""
    return open_index(source, cache_folder=cache)


def table(folder: Path, text: str, name: str = "table.csv") -> FactIndex:
    """The index of a table written here."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return open_index(path, cache_folder=folder / "cache")


class Dice:
    """A model that chooses and spells at random, now and then as no model should."""

    name = "dice"

    def __init__(self, seed: int = 0, wild: bool = True) -> None:
        self.dice, self.wild, self.asked = random.Random(seed), wild, 0

    def probabilities(self, question: str, candidates: Sequence[str]) -> list[float]:
        self.asked += 1
        raw = [self.dice.random() for _ in range(len(candidates) + 1)]
        fair = [one / sum(raw) for one in raw]
        if not self.wild or self.dice.random() < 0.7:
            return fair
        odd: list[Callable[[], list[float]]] = [
            lambda: [float("nan")] * len(fair),
            lambda: [float("inf"), *fair[1:]],
            lambda: [-1.0, *fair[1:]],
            lambda: fair[:-1],
            lambda: [*fair, 0.5],
            lambda: [],
            lambda: [0.0] * len(fair),
        ]
        if self.dice.random() < 0.1:
            raise ModelError("answer.model_failed", name=self.name, problem="dice")
        return self.dice.choice(odd)()

    def write(self, question: str, heard: object = None) -> tuple[str, float]:
        return f"It is {MADE_UP}.", 0.9

    def spell(self, question: str, allowed: Callable[[str], Sequence[str]]) -> tuple[str, float]:
        written = ""
        while options := allowed(written):
            chosen = self.dice.choice(list(options))
            if not chosen:
                break
            written += chosen
        return written, 0.5


def engine(
    index: FactIndex,
    chooser: Chooser | None = None,
    confidence: Confidence | None = None,
    writer: Writer | None = None,
) -> Engine:
    """An engine that answers in English."""
    return Engine(index, chooser, confidence, "en", writer)
