"""Fit the confidence that comes with huohou, and say how calibrated it is.

Run as: python bench/_fit_confidence.py [questions]

Questions are made from the benchmark's table with another seed than the benchmark's (its own are
never fitted on), in every style of ``huohou data make``; and in ways that no template has: a name
inside a sentence, a branch without its bank, the place first and loosely, and names that are one
unlike character away from one of the table, which is another name and no slip.
"""

import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import _bank_table
from _questions import questions
from huohou.answer.engine import Engine
from huohou.answer.fitting import Example, fit
from huohou.answer.index import open_index
from huohou.answer.index.sounds import Slips, readings
from huohou.api.scores import examples, made_questions
from huohou.data.dataset import Message, Row
from huohou.data.facts import Fact, FactTable, read_facts
from huohou.data.names import REGION, abbreviations, branch_kind, everyday, parts

TARGET = Path(__file__).parents[1] / "src" / "huohou" / "answer" / "confidence.json"
TRUST = {"smollm2-135m": 0.0}  # an English model: where it chose, it made the answers worse
QUESTIONS, SEED = 12_000, 8
EACH = 0.03  # of the questions: each way that no template has
ERROR = 0.015  # of answers given, on questions that are harder than most
AROUND = (
    "我同事在{}办的卡，工资要打过去，行号是多少",
    "请帮忙看看{}，我要填汇款单",
    "昨天去{}开户忘了问行号",
    "老师说收款方是{}，需要十二位号码",
    "您好 打扰一下 {} 的号能发我吗",
    "公司账户开在{}，系统提示缺行号",
    "急急急 {} 联行号",
    "那什么，{}，对，就是这个，号给我",
    "网银转账要选{}，找不到，行号是？",
    "我爸的存折是{}的，要行号退税用",
    "之前记过{}的行号，现在找不到了",
    "是不是有家{}，它的联行号呢",
    "客户给的开户行写着{}，帮查行号",
    "有人知道{}的行号吗在线等",
)
LOOSE = (
    "{place}那个{core}的{bank}",
    "{place}{core}附近的{bank}",
    "{place}的{bank}，{core}那家",
    "{core}{bank}",
    "{place}{core} {bank}",
    "{bank}{core}那个点",
    "{part}{core}{bank}",
    "{part}{core}的{bank}",
)
PARTS = (
    *("城关区", "开发区", "新城区", "东湖区", "河西区", "南山区", "高新区", "老城区", "江北区"),
    *("西山镇", "柳林镇", "桥头镇", "南关", "北关"),
)


def plain(question: str, fact: Fact | None, asked: str, style: str) -> Row:
    """A question with its answer; asked: groups questions about nothing in the table."""
    expect = fact.value if fact else None
    meta = {"style": style, "fact": fact.key if fact else None, "expect": expect, "asked": asked}
    return Row((Message("user", question), Message("assistant", expect or "")), 0, meta)


class Ways:
    """Questions in ways that no template has."""

    def __init__(self, table: FactTable, seed: int) -> None:
        self.facts, self.dice = table.facts, random.Random(seed)
        self.alike = Slips(readings())
        self.branches: dict[str, list[Fact]] = defaultdict(list)
        for fact in table.facts:
            self.branches[parts(fact.key, fact.city).branch].append(fact)
        self.signs = sorted({one for fact in self.facts[:5000] for one in fact.key})

    def all(self, each: int) -> Iterator[Row]:
        """That many of each way."""
        ways = (self.inside, self.inside_unknown, self.alone, self.loose, self.unlike)
        for way in ways:
            made = 0
            while made < each:
                row = way(self.dice.choice(self.facts))
                if row is not None:
                    made += 1
                    yield row

    def _form(self, fact: Fact) -> str:
        forms = (fact.key, *everyday(fact.key, fact.city), *abbreviations(fact.key, fact.city))
        return self.dice.choice(forms)

    def inside(self, fact: Fact) -> Row | None:
        return plain(self.dice.choice(AROUND).format(self._form(fact)), fact, fact.key, "inside")

    def inside_unknown(self, fact: Fact) -> Row | None:
        """In a sentence the bank of one and the branch of another."""
        other = self.dice.choice(self.facts)
        own, its = parts(fact.key, fact.city), parts(other.key, other.city)
        if not own.branch or not its.branch or own.branch == its.branch:
            return None
        if any(parts(one.key, one.city).bank == own.bank for one in self.branches[its.branch]):
            return None
        name = own.bank + REGION.sub("", fact.city) + its.branch
        return plain(self.dice.choice(AROUND).format(name), None, name, "inside_unknown")

    def alone(self, fact: Fact) -> Row | None:
        own = parts(fact.key, fact.city)
        if len(own.branch) < 4:
            return None
        place = self.dice.choice(("", REGION.sub("", fact.city)))
        return plain(f"{place}{own.branch}的联行号", fact, fact.key, "alone")

    def loose(self, fact: Fact) -> Row | None:
        own = parts(fact.key, fact.city)
        core = own.branch.removesuffix(branch_kind(fact.key))
        if len(core) < 2 or not fact.city:
            return None
        place = self.dice.choice((fact.city, REGION.sub("", fact.city)))
        bank = self.dice.choice((own.bank, own.short))
        text = self.dice.choice(LOOSE).format(
            place=place, core=core, bank=bank, part=self.dice.choice(PARTS)
        )
        return plain(f"{text}联行号", fact, fact.key, "loose")

    def unlike(self, fact: Fact) -> Row | None:
        """One character of the branch is another that neither sounds nor looks like it."""
        own = parts(fact.key, fact.city)
        core = own.branch.removesuffix(branch_kind(fact.key))
        if len(core) < 2:
            return None
        at, sign = self.dice.randrange(len(core)), self.dice.choice(self.signs)
        if sign == core[at] or self.alike.why(sign, core[at]):
            return None
        branch = core[:at] + sign + core[at + 1 :] + own.branch[len(core) :]
        if branch in self.branches:
            return None
        name = self._form(fact).replace(own.branch, branch)
        return None if own.branch in name else plain(name, None, name, "unlike")


def gathered(count: int, place: Path) -> list[Example]:
    """Questions about the large table and about the example's small one, looked up."""
    source = _bank_table.write_bank_table(place / "table.csv")
    table = read_facts(source)
    engine = Engine(open_index(source, cache_folder=place))
    rows = [*questions(table, count, SEED), *Ways(table, SEED).all(round(count * EACH))]
    found = examples(engine, rows)
    small = read_facts(_bank_table.EXAMPLE)
    engine = Engine(open_index(_bank_table.EXAMPLE, cache_folder=place))
    asked: Sequence[Row] = made_questions(small, len(small), SEED).rows
    return found + examples(engine, [*asked, *Ways(small, SEED).all(len(small) // 5)])


def main() -> None:
    """Fit, and write the file of the package."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else QUESTIONS
    with tempfile.TemporaryDirectory() as place:
        found = fit(gathered(count, Path(place)), ERROR)
    # the bundled chooser says 1 whatever stands there: see docs/answers.md
    replace(found, trust=TRUST).save(TARGET)
    print(found.about, found.found, dict(found.ceilings))


if __name__ == "__main__":
    main()
