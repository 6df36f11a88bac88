"""Every style does what it says, and what a text may mean is found by trying everything."""

import hashlib
import os
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from huohou.data.dataset import Row
from huohou.data.facts import Fact, FactTable, read_facts, verifies
from huohou.data.make import STYLES, Made, MakeOptions, make
from huohou.data.names import split_name
from huohou.data.namesakes import Namesakes, plain
from huohou.data.normal import normal
from huohou.data.styles import Style, of_kind, style_names, styles
from huohou.data.wordings import UNKNOWN
from huohou.text import say

EXAMPLE = Path(__file__).parents[2] / "examples" / "bank_codes" / "branches.csv"
SLIPS = of_kind("slip")
NAMING = of_kind("name")
BANK = "中国工商银行股份有限公司"
# Two towns have a 人民路支行; 周巷 and 王巷 differ by what may be left out; 学院路 is in 学院南路.
PLACES = (
    "北京人民路",
    "上海人民路",
    "北京周巷",
    "北京王巷",
    "北京学院路",
    "北京学院南路",
    "北京知春路",
)


@pytest.fixture(scope="module")
def branches() -> FactTable:
    return read_facts(EXAMPLE)


@pytest.fixture(scope="module")
def names(branches: FactTable) -> Namesakes:
    return Namesakes(branches)


@pytest.fixture(scope="module")
def made(branches: FactTable, names: Namesakes) -> Made:
    options = MakeOptions(facts=60, wordings=6, unknown=0.3, styles=style_names())
    return make(branches, options, names)


def town(places: tuple[str, ...] = PLACES) -> FactTable:
    facts = tuple(
        Fact(f"{BANK}{place}支行", f"1021000200{i:02}", i + 2, {"city": f"{place[:2]}市"})
        for i, place in enumerate(places)
    )
    return FactTable("t.csv", "name", "code", facts, 12)


def everything(made: Made) -> list[Row]:
    return [*made.train, *made.eval, *made.test]


def only(table: FactTable, style: str, **options: int | float) -> list[Row]:
    found = make(table, MakeOptions(**({"unknown": 0, "styles": (style,)} | options)))  # type: ignore[arg-type]
    return everything(found)


def forms_of(table: FactTable) -> dict[str, set[str]]:
    """Every form to the names it belongs to, without the index that is tested."""
    found: dict[str, set[str]] = defaultdict(set)
    for fact in table.facts:
        found[plain(fact.value)].add(normal(fact.key))
        for style in NAMING:
            for form in style.texts(fact.key, fact.city):
                found[plain(form)].add(normal(fact.key))
    return found


def test_every_style_is_there_and_told_of() -> None:
    assert style_names()[:4] == STYLES
    assert len(set(style_names())) == len(style_names()) == len(list(styles))
    told, page = (
        say("cli.data.opt.style"),
        (EXAMPLE.parents[2] / "docs" / "data.md").read_text("utf-8"),
    )
    for name in style_names():
        assert name in told, name
        assert f"| {name} |" in page, name


def test_every_style_makes_rows(made: Made) -> None:
    found = Counter(row.meta["style"] for row in made.train)
    missing = set(style_names()) - set(found)
    assert missing == {"several"}, "no two branches of the example are called alike"
    assert any(note.startswith("several: 60 of 60 facts") for note in made.notes)
    assert max(found.values()) < 3 * min(found.values())


def test_wordings_of_test_are_never_taught_in_any_style(made: Made) -> None:
    train, watched, test = (
        {row.meta["wording"] for row in part} for part in (made.train, made.eval, made.test)
    )
    assert train and watched and test
    assert not train & test and not train & watched and not watched & test
    taught = {(row.meta["fact"], row.meta["style"]) for row in made.train}
    assert all((r.meta["fact"], r.meta["style"]) in taught for r in made.test if r.meta["fact"])


def test_the_text_of_the_meta_stands_in_the_question(made: Made) -> None:
    for row in everything(made):
        if row.meta["style"] not in (*STYLES, "unknown"):
            assert row.meta["form"] in row.question


def test_slips_are_one_edit_from_what_they_were_made_of(made: Made, names: Namesakes) -> None:
    slips = {style.name for style in SLIPS}
    rows = [row for row in everything(made) if row.meta["style"] in slips]
    assert {row.meta["style"] for row in rows} == slips
    for row in rows:
        assert OSA.distance(row.meta["form"], row.meta["base"]) == 1
        assert names.owners(row.meta["base"]) == (normal(row.meta["fact"]),)
        assert row.meta["form"] not in names, "a slip that makes another name is no slip"
        assert row.meta["expect"] is not None


def test_other_characters_are_the_same_name(made: Made, names: Namesakes) -> None:
    from opencc import OpenCC

    simple = OpenCC("t2s").convert
    rows = [r for r in everything(made) if r.meta["style"] in ("mixed_width", "traditional")]
    for row in rows:
        assert row.meta["form"] != row.meta["base"]
        assert plain(simple(row.meta["form"])) == plain(row.meta["base"])
        assert row.meta["also"] == []


def test_also_is_found_by_trying_every_slip_of_every_name(branches: FactTable) -> None:
    few = replace(branches, facts=branches.facts[::8])
    names, forms = Namesakes(few), forms_of(few)
    sources: dict[str, set[str]] = defaultdict(set)
    texts: dict[str, list[str]] = defaultdict(list)
    for form, owners in forms.items():
        for slip in SLIPS:
            for text in slip.texts(form):
                sources[plain(text)] |= owners
                texts[slip.name].append(text)
    assert set(texts) == {slip.name for slip in SLIPS}
    for some in texts.values():
        for text in some[:: max(1, len(some) // 150)]:
            if text not in names:
                assert set(names.slipped(text, SLIPS)) == sources[plain(text)], text


def test_a_text_of_two_names_says_so_and_asks_which() -> None:
    rows = [row for row in only(town(), "missing", wordings=8) if row.meta["also"]]
    pair = {f"{BANK}北京周巷支行", f"{BANK}北京王巷支行"}
    both = [row for row in rows if "工行北京巷支行" in row.question or "工行巷支行" in row.question]
    assert both
    for row in both:
        assert {row.meta["fact"], *row.meta["also"]} == pair
        assert all(name in row.answer for name in pair)
        assert row.answer.startswith("请问是哪一个：")
        assert row.meta["expect"] not in row.answer


def test_a_slip_that_makes_another_name_is_thrown_away() -> None:
    rows = only(town(), "missing", wordings=8)
    south = [row for row in rows if row.meta["fact"] == f"{BANK}北京学院南路支行"]
    assert south
    texts = {row.meta["form"] for row in rows}
    assert not {"工行学院路支行", "工行北京学院路支行", f"{BANK}北京学院路支行"} & texts


def test_several_asks_what_exactly_these_are_called(branches: FactTable) -> None:
    rows = only(town(), "several")
    pair = {f"{BANK}北京人民路支行", f"{BANK}上海人民路支行"}
    assert rows
    for row in rows:
        assert row.meta["form"] == "工行人民路支行"
        assert {row.meta["fact"], *row.meta["also"]} == pair
        assert row.answer == f"请问是哪一个：{BANK}上海人民路支行；{BANK}北京人民路支行？"
    crowd = town(tuple(f"{city}人民路" for city in ("北京", "上海", "天津", "武汉")))
    assert only(crowd, "several") == [], "four are more than an answer can offer"


def test_a_name_of_two_is_not_several_where_one_is_called_so_in_full() -> None:
    facts = (Fact("工行人民路支行", "1", 2, {"city": "天津市"}), *town().facts[:2])
    assert only(FactTable("t", "name", "code", facts), "several") == []


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_unknown_is_far_from_every_name(
    branches: FactTable, names: Namesakes, seed: int
) -> None:
    options = MakeOptions(facts=50, wordings=4, unknown=0.5, seed=seed, styles=style_names())
    rows = [r for r in make(branches, options, names).train if r.meta["fact"] is None]
    asked = [row for row in rows if row.meta["style"] in ("near_miss", "unknown")]
    assert len(asked) > 100
    forms = forms_of(branches)
    for row in asked:
        assert row.answer == UNKNOWN["zh"]
        assert row.meta["expect"] is None
        assert plain(row.meta["asked"]) not in forms
        text = plain(row.meta.get("form", row.meta["asked"]))
        near = [form for form in forms if OSA.distance(text, form, score_cutoff=1) < 2]
        assert not near, (text, near)


def test_a_near_miss_is_like_its_fact(made: Made, branches: FactTable) -> None:
    known = {fact.key: fact for fact in branches.facts}
    rows = [row for row in everything(made) if row.meta["style"] == "near_miss"]
    assert len({row.meta["asked"] for row in rows}) == len(rows)
    for row in rows:
        fact = known[row.meta["near"]]
        head, tail = split_name(fact.key, fact.city)
        name = row.meta["asked"]
        assert head[:6] in name or tail in name or tail[:2] in name


def test_a_branch_that_another_name_contains_is_not_called_unknown() -> None:
    table = town(("北京西湖人民路", "北京知春路", "北京学院路"))
    names = Namesakes(table)
    west = f"{BANK}北京西湖人民路支行"
    assert names.like(f"{BANK}北京人民路分理处", "北京市") == [west]
    assert names.like(f"{BANK}北京东区西湖人民路支行", "北京市") == [west]
    assert names.like("中国农业银行股份有限公司北京人民路支行", "北京市") == []
    assert names.like(f"{BANK}上海人民路支行", "上海市") == []


def test_wrong_values_are_one_edit_off_and_in_no_row(made: Made, branches: FactTable) -> None:
    values = {fact.value for fact in branches.facts}
    code = {fact.key: fact.value for fact in branches.facts}
    rows = [row for row in everything(made) if row.meta["style"] == "reverse_wrong"]
    assert rows
    for row in rows:
        assert row.meta["asked"] not in values
        forged = verifies(row.meta["asked"])
        assert 1 <= OSA.distance(row.meta["asked"], code[row.meta["near"]]) <= 1 + forged
        assert (row.meta["expect"], row.meta["fact"], row.answer) == (None, None, "不知道")
    good = Counter(verifies(row.meta["asked"]) for row in rows)
    assert min(good[True], good[False]) > len(rows) / 10, "some have a right check digit, too"


def test_a_value_in_groups_is_the_same_value(made: Made, branches: FactTable) -> None:
    code = {fact.key: fact.value for fact in branches.facts}
    rows = [row for row in everything(made) if row.meta["style"] == "reverse_mixed"]
    assert len({len(row.meta["form"]) for row in rows}) > 1
    for row in rows:
        digits = "".join(c for c in plain(row.meta["form"]) if c.isdigit())
        assert digits == code[row.meta["fact"]] != row.meta["form"]
        assert row.answer == row.meta["fact"]


def test_slips_of_train_and_test_differ(made: Made) -> None:
    def texts(rows: tuple[Row, ...]) -> set[str]:
        return {row.meta["form"] for row in rows if row.meta.get("base")}

    assert len(texts(made.test) - texts(made.train)) > len(texts(made.test)) / 2


def test_only_what_fools(branches: FactTable, names: Namesakes) -> None:
    options = MakeOptions(facts=20, wordings=2, styles=("near_miss", "reverse_wrong"))
    found = make(branches, options, names)
    assert Counter(r.meta["style"] for r in found.train) == {"near_miss": 20, "reverse_wrong": 20}


def test_english_names_and_values() -> None:
    keys = ("Oxford University Press", "Acme Widgets Ltd", "Leeds City Library", "Zoo of Bern")
    facts = tuple(Fact(key, f"{i}", i, {"city": "Leeds"}) for i, key in enumerate(keys, 2))
    table = FactTable("t", "name", "office", facts)
    found = make(table, MakeOptions(wordings=12, unknown=0, styles=style_names()))
    rows = everything(found)
    texts = {row.meta["style"]: row.meta.get("form") for row in rows}
    chinese = {"homophone", "accent", "traditional", "bare", "reverse_wrong", "reverse_mixed"}
    assert set(style_names()) - set(texts) <= {*chinese, "several", "near_miss", "reverse"}
    assert "Leeds Acme Widgets" in {row.meta.get("form") for row in rows}
    assert any("Library, Leeds City" in row.question for row in rows)


def test_a_style_without_its_library_is_left_out_and_said(
    branches: FactTable, names: Namesakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = replace(styles.get("homophone"), needs="no_such_library")
    monkeypatch.setitem(styles._items, "homophone", lacking)
    options = MakeOptions(facts=5, styles=("full", "homophone"))
    found = make(branches, options, names)
    assert {row.meta["style"] for row in everything(found)} == {"full", "unknown"}
    assert any("homophone" in note and "no_such_library" in note for note in found.notes)


def test_a_style_of_ones_own_is_one_function(
    branches: FactTable, names: Namesakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    loud = Style("loud", "slip", lambda form: [form + "！" + form[-1]])
    monkeypatch.setitem(styles._items, "loud", loud)
    found = make(branches, MakeOptions(facts=5, unknown=0, styles=("loud",)), names)
    assert {row.meta["style"] for row in everything(found)} == {"loud"}


SCRIPT = f"""
import hashlib, json
from huohou.data.facts import read_facts
from huohou.data.make import MakeOptions, make
from huohou.data.styles import style_names
made = make(read_facts({str(EXAMPLE)!r}), MakeOptions(facts=20, styles=style_names(), unknown=0.4))
rows = [row.as_dict() for part in (made.train, made.eval, made.test) for row in part]
print(hashlib.sha256(json.dumps(rows).encode()).hexdigest())
"""


def test_a_seed_makes_the_same_rows_in_every_process() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1
    assert len(found.pop().strip()) == hashlib.sha256().digest_size * 2


def test_styles_of_the_command(tmp_path: Path) -> None:
    from huohou.cli.data import command

    def run(*arguments: str) -> tuple[int, str]:
        words = ["make", str(EXAMPLE), "-o", str(tmp_path / arguments[-1]), *arguments[:-1]]
        found = CliRunner().invoke(command, [*words, "--facts", "8"], standalone_mode=False)
        return found.exit_code, found.output + str(found.exception or "")

    code, output = run("--styles", "typo, missing", "--style", "doubled", "one")
    assert code == 0, output
    assert all(f"  {style}: " in output for style in ("typo", "missing", "doubled", "unknown"))
    assert "  full: " not in output
    code, output = run("--styles", "all", "two")
    assert code == 0
    assert "  near_miss: " in output
    assert "reverse_wrong, several" in run("--styles", "full,loud", "three")[1]


words = st.text("中国工商农业银行知春路大悟兴发支学院南湖abcXY 12", min_size=1, max_size=10)


@settings(max_examples=60, deadline=None)
@given(words)
def test_slips_of_anything_are_one_edit_away(form: str) -> None:
    for slip in SLIPS:
        for text in slip.texts(form):
            assert OSA.distance(form, text) == 1, slip.name


@settings(max_examples=40, deadline=None)
@given(st.lists(words, min_size=1, max_size=6, unique_by=plain), words)
def test_neighbours_are_all_that_are_one_edit_away(keys: list[str], text: str) -> None:
    facts = tuple(Fact(key, f"v{i}", i) for i, key in enumerate(keys))
    table = FactTable("t", "name", "code", facts)
    forms = forms_of(table)
    expected = sorted(form for form in forms if OSA.distance(form, plain(text)) == 1)
    assert Namesakes(table).near(text) == expected


@settings(max_examples=20, deadline=None)
@given(
    keys=st.lists(words.filter(str.strip), min_size=1, max_size=6),
    seed=st.integers(0, 3),
    unknown=st.floats(0, 0.5),
)
def test_any_table_in_every_style(keys: list[str], seed: int, unknown: float) -> None:
    facts = tuple(Fact(key, f"{i:08}", i + 2, {"city": "大悟县"}) for i, key in enumerate(keys))
    table = FactTable("t", "name", "code", facts, 8)
    options = MakeOptions(seed=seed, unknown=unknown, wordings=3, styles=style_names())
    found = make(table, options)
    assert found == make(table, options)
    questions = [normal(row.question) for row in everything(found)]
    assert len(set(questions)) == len(questions)
    for row in everything(found):
        assert row.meta["style"] in (*style_names(), "unknown")
        assert (row.meta["fact"] is None) == (row.meta["expect"] is None)


def test_a_full_name_is_asked_for_though_another_is_called_so_in_short() -> None:
    facts = (Fact("Ann Ltd", "1", 2), Fact("Ann", "2", 3))
    rows = only(FactTable("t", "name", "code", facts), "full")
    assert {row.answer for row in rows} == {"1", "2"}
    assert all(row.answer == row.meta["expect"] for row in rows)
    assert {row.meta["fact"] for row in rows} == {"Ann", "Ann Ltd"}
    short = only(FactTable("t", "name", "code", facts), "everyday")
    assert short == [], "Ann is no name for Ann Ltd where there is an Ann"
