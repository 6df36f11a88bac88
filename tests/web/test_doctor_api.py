"""The doctor's door: logs of any trainer, folders, pasted text, and what means no good."""

import io
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sick_logs import REPORT, burst, by_epoch
from starlette.testclient import TestClient

from huohou.api.doctor import Limits, Patient, inner_path
from huohou.errors import UsageError
from huohou.record.bucketed import charted
from huohou.record.columns import Point
from huohou.record.record import Record

Files = list[tuple[str, tuple[str, bytes]]]


def send(api: TestClient, *files: tuple[str, bytes], **fields: str) -> Any:
    parts: Files = [("files", file) for file in files]
    return api.post("/api/doctor", files=parts or None, data=fields or None)


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is handed in lies here, so that it can be seen to be gone."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def test_a_log_is_diagnosed_and_gone(api: TestClient, own_temporary_folder: Path) -> None:
    told = send(api, ("trainer_state.json", burst().encode())).json()
    assert told["verdict"] == "faulty"
    assert "nan-loss" in [finding["code"] for finding in told["findings"]]
    assert told["source"]["path"] == "trainer_state.json"
    assert told["page"].startswith("<!doctype html>")
    assert told["run_file"] is None or "learning_rate" in told["run_file"]
    chart = told["chart"]
    assert chart["axis"] == "step"
    assert chart["total"]["loss"] == 400
    assert chart["series"]["loss"]["step"][:3] == [1, 2, 3]
    assert chart["series"]["loss"]["last"][-1] == "NaN"
    assert sum(chart["series"]["loss"]["nans"]) == 120
    assert str(own_temporary_folder) not in json.dumps(told)
    assert list(own_temporary_folder.iterdir()) == []


def test_a_folder_keeps_its_shape(api: TestClient) -> None:
    settings = b"learning_rate: 0.0002\nnum_train_epochs: 4\n"
    told = send(
        api,
        ("run/checkpoint-400/trainer_state.json", burst().encode()),
        ("run/train.yaml", settings),
        ("run/../../../outside.txt", b"x"),
    ).json()
    assert told["verdict"] == "faulty"
    assert "checkpoint-400" in json.dumps(told["source"])


def test_text_that_was_pasted_with_epochs_only(api: TestClient) -> None:
    told = send(api, text=by_epoch()).json()
    assert told["verdict"] in ("watch", "faulty")
    assert told["chart"]["axis"] == "epoch"
    clock = dict(zip(told["chart"]["clock"]["step"], told["chart"]["clock"]["epoch"], strict=True))
    loss = told["chart"]["series"]["loss"]
    assert [clock[step] for step in loss["step"]] == list(range(1, 31))


def test_a_report_is_answered_claim_by_claim(api: TestClient) -> None:
    told = send(api, ("report.md", REPORT.encode())).json()
    assert told["claims"]


@pytest.mark.parametrize("text", ["", "nothing of a log", "\x00\x01\x02", "[1, 2"])
def test_what_is_no_log_is_said_to_be_none(api: TestClient, text: str) -> None:
    told = send(api, ("a.log", text.encode()))
    assert told.status_code == 422
    assert "temporary" not in told.json()["error"]["message"]


def test_nothing_at_all(api: TestClient) -> None:
    assert send(api).status_code in (400, 422)
    assert send(api, text="  ").json()["error"]["key"] == "doctor.nothing"
    raw = api.post("/api/doctor", content=b"junk", headers={"content-type": "multipart/form-data"})
    assert raw.status_code == 400
    assert raw.json()["error"]["key"] == "doctor.bad_form"


def test_an_archive_of_junk_is_not_opened(api: TestClient, own_temporary_folder: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../../trainer_state.json", burst())
        archive.writestr("junk", b"\0" * (1 << 20))
    told = send(api, ("log.zip", packed.getvalue()))
    assert told.status_code == 422
    assert list(own_temporary_folder.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    [
        "../../../../etc/cron.d/evil.log",
        "/etc/passwd",
        "C:\\Windows\\evil.log",
        "..\\..\\evil.log",
        "a/./../b/../../evil.log",
        "\u202egol.live",
        "evil\x00.log",
        "~/.ssh/authorized_keys",
        "x" * 4000 + ".log",
        "log/" * 300 + "evil.log",
        "",
    ],
)
def test_names_do_not_lead_out(own_temporary_folder: Path, name: str) -> None:
    with Patient() as patient:
        patient.add(name, [burst().encode()])
        inside = [path for path in patient.folder.rglob("*") if path.is_file()]
        assert len(inside) == 1
        assert patient.examine()["verdict"] == "faulty"
    everything = [path for path in own_temporary_folder.parent.rglob("*evil*")]
    assert everything == []


@given(st.text(max_size=60))
def test_any_name_becomes_a_path_below(name: str) -> None:
    path = inner_path(name)
    assert not path.is_absolute()
    assert ".." not in path.parts
    assert 0 < len(path.parts) <= 8
    assert all(0 < len(part.encode()) <= 255 for part in path.parts)


def test_the_same_name_twice_and_a_file_where_a_folder_is() -> None:
    with Patient() as patient:
        for name in ("a.log", "a.log", "a.log/b.log", "a.log"):
            patient.add(name, [b"x"])
        assert len(list(patient.folder.rglob("*.log"))) == 4


def test_too_much_is_refused_before_it_is_read(api: TestClient, own_temporary_folder: Path) -> None:
    told = send(api, ("huge.log", b"loss 1.0\n" * (100 * 2**20 // 9)))
    assert told.status_code == 413
    assert told.json()["error"]["key"] == "doctor.too_large"
    assert list(own_temporary_folder.iterdir()) == []
    with Patient(Limits(size=100, files=2)) as patient:
        patient.add("a", [b"x" * 60])
        with pytest.raises(UsageError, match="0 MB"):
            patient.add("b", [b"x" * 60])
    with Patient(Limits(files=1)) as patient:
        patient.add("a", [b"x"])
        with pytest.raises(UsageError, match="1 files"):
            patient.add("b", [b"x"])


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 500), st.floats(width=32)),
        max_size=300,
    ),
    st.integers(1, 60),
)
def test_buckets_hold_every_point_once(rows: list[tuple[int, int, float]], points: int) -> None:
    rows.sort(key=lambda row: row[:2])
    series = [Point(value, step, seg=seg) for seg, step, value in rows]
    told = charted(Record({}, {"loss": series} if series else {}), points)
    if not rows:
        assert told["series"] == {}
        return
    loss = told["series"]["loss"]
    assert sum(loss["n"]) == len(rows) == told["total"]["loss"]
    assert len({len(column) for column in loss.values()}) == 1
    assert sum(loss["nans"]) == sum(np.isnan(value) for _, _, value in rows)
    for seg in {seg for seg, _, _ in rows}:
        steps = [step for own, step in zip(loss["seg"], loss["step"], strict=True) if own == seg]
        assert steps == sorted(steps)
        assert len(steps) <= points
    finite = [value for _, _, value in rows if np.isfinite(value)]
    shown = [value for value in loss["min"] if not isinstance(value, str)]
    if finite and len(rows) == len(finite):
        assert min(shown) == pytest.approx(min(finite), rel=1e-5)
