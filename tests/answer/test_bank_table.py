"""The table of the benchmarks: real rows first, right check digits, nothing twice, the same again."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from huohou.data.facts import read_facts, verifies

BENCH = Path(__file__).parents[2] / "bench" / "_bank_table.py"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("bank_table_of_bench", BENCH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("shared", [True, False])
def test_rows_of_the_table(shared: bool, bench: ModuleType, tmp_path: Path) -> None:
    if shared and not bench.REAL.is_file():
        pytest.skip("needs ../shared/data/bank_codes")
    if not shared:
        bench.REAL = bench.REGIONS = tmp_path / "absent"
    rows = bench.bank_table(2000)
    assert rows == bench.bank_table(2000)
    assert rows[:1000] == bench.bank_table(1000)
    assert rows != bench.bank_table(2000, seed=8)
    assert len({row["name"] for row in rows}) == len({row["code"] for row in rows}) == 2000
    assert all(tuple(row) == bench.COLUMNS and all(row.values()) for row in rows)
    assert all(len(row["code"]) == 12 and verifies(row["code"]) for row in rows)
    known = {row["name"]: row["code"] for row in rows}
    assert known["湖北大悟农村商业银行股份有限公司兴发支行"] == "402535510938"
    table = read_facts(bench.write_bank_table(tmp_path / "t.csv", 600))
    assert table.bank_codes
    assert table.facts[0].city
    assert not any("more than one" in note for note in table.notes)
