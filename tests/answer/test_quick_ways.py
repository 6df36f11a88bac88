"""What is done quickly, against the same done plainly."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from huohou.answer.engine import Engine
from huohou.answer.index import FactIndex
from huohou.answer.index.canonical import _BY_DENSE, _MARKS, folded, joined, simplified
from huohou.answer.index.likeness import COST, asked, compared, likeness
from huohou.answer.index.rows import Row
from huohou.answer.index.sounds import Slips, readings
from huohou.answer.slips import MOST, _apart, forms_of, said_of
from huohou.data.facts import Fact, FactTable, read_facts

EXAMPLE = Path(__file__).parents[2] / "examples" / "bank_codes" / "branches.csv"
TEXTS = st.text(st.sampled_from("农業业银行兴発发大悟支ａa1 -（)Ⅳ\u3000é豈"), max_size=12)
LETTERS = "兴新星心行杏幸未末大悟达五武午支枝之农龙"
NAMES = st.text(st.sampled_from(LETTERS), min_size=1, max_size=9)
SLIPS = Slips(readings())


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> FactIndex:
    return FactIndex.build(read_facts(EXAMPLE), tmp_path_factory.mktemp("quick"))


@given(TEXTS)
def test_a_plain_text_is_folded_as_any(text: str) -> None:
    plain = unicodedata.normalize("NFKC", text).casefold()
    assert folded(text) == simplified(plain)
    assert joined(text) == _BY_DENSE.sub("", _MARKS.sub(" ", text.casefold())).strip()


@given(NAMES, NAMES)
def test_pieces_are_paired_as_if_each_were_held_against_each(text: str, name: str) -> None:
    letters = SLIPS.alike(LETTERS)
    row = Row((name,), name, name, "")
    question = asked(text, lambda _: 1.0, SLIPS, lambda one: frozenset(letters(one)))
    plain = asked(text, lambda _: 1.0, SLIPS, lambda _: frozenset(LETTERS))
    told = likeness(question, compared(question, row, lambda _: 1.0))
    assert told == likeness(plain, compared(plain, row, lambda _: 1.0))
    pairs = round(sum(told[why] for why in (*COST, "spelled")) * len(text))
    assert 0 <= pairs <= min(len(text), len(name))


@given(TEXTS, NAMES, st.sampled_from(["", "大悟县"]))
def test_all_forms_are_compared_as_one_by_one(text: str, name: str, city: str) -> None:
    said, forms = said_of(text), forms_of(f"{name}银行股份有限公司{name}支行", city)
    every = (*forms.full, *forms.bare, *forms.alone)
    plain = [[min(MOST, OSA.distance(one, form)) for form in every] for one in dict.fromkeys(said)]
    assert _apart(said, forms).tolist() == plain


def test_names_inside_a_text_are_looked_for_only_when_no_other_is_found(
    index: FactIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    spotted = FactIndex.spotted

    def counting(self: FactIndex, text: str) -> list[str]:
        looked.append(text)
        return spotted(self, text)

    monkeypatch.setattr(FactIndex, "spotted", counting)
    engine = Engine(index)
    assert engine.ask("大悟农商行兴发支行的联行号", "lookup").status == "found"
    assert looked == []
    buried = "我妈昨天路过时跟我说起她要去大悟农商行兴发支行给舅舅的孩子汇学费所以来问联行号"
    assert engine.ask(buried, "lookup").values == ("402535510938",)


def test_a_row_that_a_slip_hides_among_many_is_looked_at(tmp_path: Path) -> None:
    others = [one for one in map(chr, range(0x5000, 0x5800)) if not SLIPS.why("岚", one)][:200]
    names = [f"工商银行云{one}支行" for one in (*others, "岗")]
    facts = tuple(Fact(name, str(line), line) for line, name in enumerate(names, 2))
    index = FactIndex.build(FactTable("t.csv", "name", "code", facts), tmp_path / "index")
    assert index.search("工行云岚支行")[0].entry.key == names[-1]
