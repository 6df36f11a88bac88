"""2,000 questions about a table of facts in every style, the same for the same seed.

For the benchmark of the answers (``bench/answers.py``). Who made the questions knows nothing of who
answers them: the rows come from ``huohou.data.make``, which labels each with its style, the fact
that it means, the others that the same text may mean (``also``), or None where nothing in the table
answers it. Run as a script: ``python bench/_questions.py table.csv questions.jsonl [count]``.
"""

import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from huohou.data.dataset import Row
from huohou.data.facts import Fact, FactTable, read_facts
from huohou.data.make import MakeOptions, make
from huohou.data.namesakes import Namesakes
from huohou.data.normal import normal
from huohou.data.styles import of_kind
from huohou.data.teachable import unambiguous
from huohou.data.write import write_rows

COUNT, SEED = 2000, 2026
REAL = 428  # rows that are real stand first in the table
REAL_SHARE = 0.2  # of the questions are about these
UNKNOWN = 0.15  # of the questions: names and values that are in no row
SEVERAL = 0.06  # of the questions: what means several names
NOUNS = (None, "行号")  # what a bank's code is called: as usual, and shorter
POOL = 4  # invented rows looked at for each question wanted


def questions(table: FactTable, count: int = COUNT, seed: int = SEED) -> list[Row]:
    """That many rows, in a random order that the seed decides."""
    names = Namesakes(table)
    facts, _ = unambiguous(table)
    real, invented = facts[:REAL], facts[REAL:]
    dice = random.Random(seed)
    some = dice.sample(invented, min(len(invented), POOL * count))
    shares = {"real": REAL_SHARE, "invented": 1 - REAL_SHARE - SEVERAL}
    wanted = {name: round(count * share) for name, share in shares.items()}
    asking = [style.name for style in of_kind("name", "value", "look", "slip")]
    fooling = [style.name for style in of_kind("near", "wrong")]
    whole = _Whole(table, names)
    rows = [*whole.made(real, (*asking, *fooling), wanted["real"], seed)]
    nouns = NOUNS if table.bank_codes else (None,)
    for number, noun in enumerate(nouns):
        part, share = some[number :: len(nouns)], wanted["invented"] // len(nouns)
        rows += whole.made(part, (*asking, *fooling), share, seed + 1 + number, noun)
    rows += whole.made([*some, *real], ("several",), count - len(rows), seed)
    found = list({normal(row.question): row for row in rows}.values())
    dice.shuffle(found)
    return found


@dataclass(frozen=True)
class _Whole:
    """The whole table: what a text may mean is looked up in all of it."""

    table: FactTable
    names: Namesakes

    def made(
        self,
        facts: Sequence[Fact],
        styles: tuple[str, ...],
        count: int,
        seed: int,
        noun: str | None = None,
    ) -> tuple[Row, ...]:
        """One question a fact, styles in turn."""
        unknown = 0.0 if styles == ("several",) else UNKNOWN
        options = MakeOptions(
            facts=min(len(facts), round(count * (1 - unknown))),
            wordings=1,
            eval_wordings=0,
            test_wordings=0,
            unknown=unknown,
            seed=seed,
            noun=noun,
            styles=styles,
        )
        return make(replace(self.table, facts=tuple(facts)), options, self.names).train


def main(source: str, target: str, count: int = COUNT) -> None:
    """Write them to a file."""
    write_rows({Path(target): questions(read_facts(source), count)}, force=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:4]))
