"""Curves as the API gives them: of one moment, rounded, with the cursor that live goes on from."""

import math
import sys
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import page_job
from huohou.record.recorder import Recorder
from huohou.record.store import Store


def get(api: TestClient, path: str, **query: Any) -> Any:
    answer = api.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_series_of_a_job(api: TestClient, tmp_path: Path) -> None:
    folder = page_job.written(tmp_path / "runs", steps=100)
    Store(tmp_path / "runs").take_in(folder)
    found = get(api, "/api/jobs/1/series", points=200)
    names = ["eval_loss", "grad_norm", "learning_rate", "loss", "tokens_per_second"]
    assert sorted(found["series"]) == sorted(found["total"]) == names
    sizes = [(folder / name).stat().st_size for name in ("events.jsonl", "job.jsonl")]
    assert found["cursor"] == ".".join(map(str, sizes))
    loss = found["series"]["loss"]
    assert loss["step"] == list(range(1, 101))
    assert loss["min"] is None and loss["max"] is None
    assert loss["last"] == [float(f"{page_job.loss_at(step):.6g}") for step in range(1, 101)]
    assert loss["mean"] == loss["last"]
    assert (set(loss["seg"]), set(loss["n"]), set(loss["nans"])) == ({0}, {1}, {0})


def test_few_buckets_and_a_part(api: TestClient, tmp_path: Path) -> None:
    Store(tmp_path / "runs").take_in(page_job.written(tmp_path / "runs", steps=400))
    found = get(api, "/api/jobs/1/series", points=10, lo=100, hi=199, names="loss,none")
    assert found["total"]["loss"] == 400
    loss = found["series"]["loss"]
    assert sum(loss["n"]) == 100 and len(loss["n"]) == 10
    for i, last in enumerate(loss["step"]):
        steps = range(last + 1 - loss["n"][i], last + 1)
        values = [page_job.loss_at(step) for step in steps]
        assert loss["mean"][i] == pytest.approx(sum(values) / len(values), rel=1e-5)
        assert loss["min"][i] == float(f"{min(values):.6g}")
        assert loss["max"][i] == float(f"{max(values):.6g}")
    assert found["series"]["none"]["n"] == []


def test_words_for_what_is_no_number(api: TestClient, tmp_path: Path) -> None:
    with page_job.living(tmp_path / "runs") as job:
        for loss in (1.0, math.nan, math.inf, -math.inf, 0.0, 1.23456789e-7):
            job.point(loss=loss)
        Store(tmp_path / "runs").take_in(job.folder)
        loss = get(api, "/api/jobs/1/series", names="loss")["series"]["loss"]
        assert loss["last"] == [1.0, "NaN", "Infinity", "-Infinity", 0.0, 1.23457e-07]
        few = get(api, "/api/jobs/1/series", names="loss", points=1)["series"]["loss"]
        assert (few["n"], few["nans"], few["min"], few["max"]) == (
            [6],
            [1],
            ["-Infinity"],
            ["Infinity"],
        )
        assert few["mean"] == [pytest.approx(1 / 3, rel=1e-5)]


def test_the_clock(api: TestClient, tmp_path: Path) -> None:
    Store(tmp_path / "runs").take_in(page_job.written(tmp_path / "runs", steps=50))
    found = get(api, "/api/jobs/1/clock")
    assert found["step"] == list(range(1, 51))
    assert found["t"] == [page_job.BEGAN + step for step in found["step"]]
    assert found["epoch"] == [2.0 * step / 50 for step in found["step"]]
    assert len(get(api, "/api/jobs/1/clock", points=10)["step"]) <= 25


def test_a_store_that_is_far_behind_is_told_first(
    api: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with page_job.living(tmp_path / "runs") as job:
        job.points(3)
        Store(tmp_path / "runs").take_in(job.folder)
        job.points(20)
        monkeypatch.setattr(sys.modules["huohou.api.series"], "BEHIND", 1000)
        found = get(api, "/api/jobs/1/series")
        assert found["total"]["loss"] == 23
        assert found["cursor"].startswith(f"{(job.folder / 'events.jsonl').stat().st_size}.")


def test_changes_by_asking(api: TestClient, tmp_path: Path) -> None:
    with page_job.living(tmp_path / "runs") as job:
        job.points(3)
        Store(tmp_path / "runs").take_in(job.folder)
        cursor = get(api, "/api/jobs/1/series")["cursor"]
        assert names_of(get(api, "/api/jobs/1/events")) == ["job"]
        job.point(loss=math.nan)
        job.evaluate(0.5)
        job.say("line one")
        found = get(api, "/api/jobs/1/events", after=cursor, log=True)
        assert names_of(found) == ["points", "job"]
        points = [(p["name"], p["step"], p["value"]) for p in found["events"][0]["data"]["points"]]
        assert ("loss", 4, "NaN") in points and ("eval_loss", 4, 0.5) in points
        assert found["more"] is False
        job.say("line two")
        again = get(api, "/api/jobs/1/events", after=found["cursor"], log=True)
        assert [e["data"]["lines"] for e in again["events"] if e["event"] == "log"] == [
            ["line two"]
        ]
        assert again["events"][-1]["data"]["status"] == "running"
        assert again["events"][-1]["data"]["progress"]["step"] == 4
        last = get(api, "/api/jobs/1/events", after=again["cursor"], log=True)
        assert names_of(last) == ["job"] and last["cursor"] == again["cursor"]


def names_of(found: Any) -> list[str]:
    return [event["event"] for event in found["events"]]


def test_many_changes_come_in_parts(api: TestClient, tmp_path: Path) -> None:
    with page_job.living(tmp_path / "runs") as job:
        Store(tmp_path / "runs").take_in(job.folder)
        job.points(3000)
        cursor, seen, more = get(api, "/api/jobs/1/series")["cursor"], [], True
        parts = 0
        while more:
            found = get(api, "/api/jobs/1/events", after=cursor)
            told = [e["data"]["points"] for e in found["events"] if e["event"] == "points"]
            seen += [p["step"] for points in told for p in points if p["name"] == "loss"]
            cursor, more, parts = found["cursor"], found["more"], parts + 1
        seen += [
            p["step"]
            for e in get(api, "/api/jobs/1/events", after=cursor)["events"]
            if e["event"] == "points"
            for p in e["data"]["points"]
            if p["name"] == "loss"
        ]
        assert seen == list(range(1, 3001))
        assert parts > 1


@pytest.mark.parametrize(
    ("path", "status", "key"),
    [
        ("/api/jobs/9/series", 404, "runs.unknown"),
        ("/api/jobs/9/clock", 404, "runs.unknown"),
        ("/api/jobs/99999999999999999999/series", 404, "runs.unknown"),
        ("/api/jobs/-1/events", 404, "runs.unknown"),
        ("/api/jobs/x/series", 422, "web.invalid"),
        ("/api/jobs/1/series?points=0", 422, "web.invalid"),
        ("/api/jobs/1/series?lo=nan", 422, "web.invalid"),
        ("/api/jobs/1/events?after=nonsense", 400, "live.bad_cursor"),
        ("/api/events?job=9", 404, "runs.unknown"),
        ("/api/events?job=1&after=1", 400, "live.bad_cursor"),
    ],
)
def test_what_is_wrong_is_said(
    api: TestClient, tmp_path: Path, path: str, status: int, key: str
) -> None:
    Store(tmp_path / "runs").take_in(page_job.written(tmp_path / "runs", steps=5))
    answer = api.get(path)
    assert (answer.status_code, answer.json()["error"]["key"]) == (status, key)


def test_an_answer_is_new_as_soon_as_the_store_is(api: TestClient, tmp_path: Path) -> None:
    with page_job.living(tmp_path / "runs") as job:
        for step in range(1, 6):
            job.point()
            Store(tmp_path / "runs").take_in(job.folder)
            assert get(api, "/api/jobs/1/series")["total"]["loss"] == step


def test_a_name_with_strange_signs(api: TestClient, tmp_path: Path) -> None:
    with page_job.living(tmp_path / "runs") as job:
        job.point(**{"<script>": 1.0, "损失/α": 2.0})
        Store(tmp_path / "runs").take_in(job.folder)
        found = get(api, "/api/jobs/1/series", names="<script>,损失/α,\0")
        assert found["series"]["损失/α"]["last"] == [2.0]
        assert found["series"]["<script>"]["last"] == [1.0]


def test_a_run_with_two_lives(api: TestClient, tmp_path: Path) -> None:
    folder = page_job.written(tmp_path / "runs", steps=20)
    with Recorder(folder / "events.jsonl", 1) as again:
        again.start(updates=20, epochs=2.0)
        for step in range(11, 16):
            again.metrics(step, step / 10, loss=0.5)
    Store(tmp_path / "runs").take_in(folder)
    loss = get(api, "/api/jobs/1/series", names="loss")["series"]["loss"]
    assert loss["seg"] == [0] * 20 + [1] * 5
    assert loss["step"] == [*range(1, 21), *range(11, 16)]
    clock = get(api, "/api/jobs/1/clock")
    assert clock["seg"] == loss["seg"] and clock["step"] == loss["step"]
