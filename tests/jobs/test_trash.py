"""`runs rm`, `runs restore`: nothing is deleted, nothing is mixed up."""

import shutil
from pathlib import Path

import pytest
from living import ended, folder_of, occupied, runner_lives
from sqlalchemy import select

from huohou import api
from huohou.cli.main import run
from huohou.errors import HuohouError, StoreError, UsageError
from huohou.plan import Plan
from huohou.record.schema import metadata
from huohou.record.store import Store
from waiting import wait_until

pytestmark = pytest.mark.usefixtures("plugin")


@pytest.fixture
def runs(tmp_path: Path, either_database: str) -> Path:
    return tmp_path / "runs"


def rows(workspace: Path) -> dict[str, list[str]]:
    with Store(workspace)._read() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table))))
            for table in metadata.tables.values()
        }


def test_away_and_back(plan: Plan, runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        api.train(plan)
    before, files = rows(runs), sorted(p.name for p in folder_of(runs, 2).iterdir())
    capsys.readouterr()
    assert run(["runs", "rm", "2", "3"]) == 0
    told = capsys.readouterr().out
    assert "huohou runs restore 2 3" in told
    assert str(runs / "trash") in told
    assert [one["id"] for one in api.runs()["runs"]] == [1]
    assert sorted(p.name for p in (runs / "trash" / "2-bank-codes").iterdir()) == files
    assert all(
        len(found) < len(before[name])
        for name, found in rows(runs).items()
        if name != "huohou_meta"
    )
    api.reindex()
    assert [one["id"] for one in api.runs()["runs"]] == [1]
    assert run(["runs", "restore", "3", "2-bank-codes"]) == 0
    assert "Run 3 is back" in capsys.readouterr().out
    assert rows(runs) == before


def test_a_number_is_never_given_again(plan: Plan, runs: Path) -> None:
    api.train(plan)
    api.train(plan)
    api.put_away(["2"])
    shutil.rmtree(runs / "trash")  # by its owner, for the space
    api.reindex()
    assert api.train(plan)["id"] == 3


def test_what_is_not_at_its_end_stays(plan: Plan, runs: Path) -> None:
    api.train(plan)
    with occupied(runs):
        api.train(plan, detach=True)
        with pytest.raises(UsageError, match="huohou stop 2"):
            api.put_away(["1", "2"])
        assert [one["id"] for one in api.runs()["runs"]] == [2, 1]  # all of them or none
    wait_until(lambda: ended(runs, 2) and not runner_lives(runs))
    api.put_away(["1", "2", "1"])
    assert api.runs()["runs"] == []


def test_what_cannot_be_moved(plan: Plan, runs: Path, tmp_path: Path) -> None:
    api.train(plan)
    with pytest.raises(UsageError, match="no run '7' in the trash"):
        api.restore(["7"])
    (runs / "trash" / "1-bank-codes").mkdir(parents=True)
    with pytest.raises(StoreError, match="there already"):
        api.put_away(["1"])
    (runs / "trash" / "1-bank-codes").rmdir()
    (runs / "trash").rmdir()
    (runs / "trash").write_text("a file in its place")
    with pytest.raises(HuohouError, match="cannot be moved"):
        api.put_away(["1"])
    assert [one["id"] for one in api.runs()["runs"]] == [1]
    shutil.copytree(folder_of(runs, 1), tmp_path / "elsewhere" / "1-bank-codes")
    with pytest.raises(UsageError, match="not in the workspace"):
        api.put_away([str(tmp_path / "elsewhere" / "1-bank-codes")])
