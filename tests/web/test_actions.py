"""What the page asks the server to do: describe settings, plan, start, steer, put away, upload."""

import json
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from made_jobs import ask_fake, install_fake, rows_file, tiny_model, written
from starlette.testclient import TestClient

from huohou import api as facade
from huohou import config
from huohou.record.recorder import FINAL
from huohou.record.store import Store
from huohou.text import sentences
from waiting import wait_until


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("model"))


class Shared(facade.Planner):
    """A planner that outlives the servers of the tests: it is slow to begin."""

    def close(self) -> None:
        """Its servers end, and it does not."""

    def end(self) -> None:
        super().close()


@pytest.fixture(scope="module", autouse=True)
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The recipe ``fake`` is installed."""
    with pytest.MonkeyPatch.context() as patch:
        install_fake(tmp_path_factory.mktemp("site"), patch)
        yield


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Path) -> Path:
    """Where the server was started, with rows and a tiny model."""
    here = tmp_path / "project"
    here.mkdir()
    rows_file(here)
    shutil.copytree(model, here / "tiny-model")
    monkeypatch.chdir(here)
    return here


@pytest.fixture(scope="module")
def planner(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[Shared]:
    """A planner in a place of its own."""
    here = tmp_path_factory.mktemp("shared")
    shutil.copytree(model, here / "tiny-model")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        planner = Shared()
        yield planner
    planner.end()


@pytest.fixture
def shared(planner: Shared, api: TestClient) -> Path:
    """As ``place``, with the planner that these tests share and in its folder."""
    app: Any = api.app
    app.state.workspace.planner = planner
    rows_file(Path.cwd())
    return Path.cwd()


SETTINGS = {"recipe": "fake", "model": "tiny-model", "data.train": "train.jsonl", "name": "numbers"}


def ended(api: TestClient, job: int) -> dict[str, Any]:
    """The job when it has ended."""
    found: dict[str, Any] = {}

    def is_over() -> bool:
        found.update(api.get(f"/api/jobs/{job}").json())
        return found["status"] in FINAL

    wait_until(is_over)
    return found


# Settings


def test_every_setting_is_described_in_both_languages(api: TestClient) -> None:
    told = api.get("/api/settings/schema").json()
    fields = {field["key"]: field for field in told["fields"]}
    assert list(fields) == list(config.flatten(config.RunSettings().model_dump()))
    for key, field in fields.items():
        assert field["words"].count(sentences("zh")[f"setting.{key}"].lower()) >= 1
        assert sentences("zh")[f"setting.{key}.help"] != sentences("en")[f"setting.{key}.help"]
    assert fields["train.learning_rate"]["defaults"] == {"embed": 2e-5, "align": 1e-5}
    assert fields["train.schedule"]["choices"] == ["cosine", "linear", "constant"]
    assert (fields["lora.dropout"]["min"], fields["lora.dropout"]["below"]) == (0, 1)
    assert fields["lora.rank"]["recipes"] == ["sft"]
    assert {model["name"] for model in told["models"]} == {"smollm2-135m", "minilm-l6"}


def test_the_form_says_what_the_run_file_says() -> None:
    """The English help of a setting is its description in config.py, where it is written."""

    def leaves(model: Any, before: str = "") -> Any:
        for name, about in model.model_fields.items():
            if hasattr(about.annotation, "model_fields"):
                yield from leaves(about.annotation, f"{before}{name}.")
            else:
                yield f"{before}{name}", about.description

    for key, description in leaves(config.RunSettings):
        assert sentences("en")[f"setting.{key}.help"].format() == description


def test_what_this_machine_sets_is_told(
    api: TestClient, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "huohou.yaml").write_text("train: {batch_size: 3}\n")
    monkeypatch.setenv("HUOHOU_TRAIN__SEED", "7")
    fields = {one["key"]: one for one in api.get("/api/settings/schema").json()["fields"]}
    assert (fields["train.batch_size"]["value"], fields["train.batch_size"]["source"]) == (
        3,
        "huohou.yaml",
    )
    assert fields["train.seed"]["source"] == "HUOHOU_TRAIN__SEED"
    assert "value" not in fields["train.num_epochs"]


# Plans


def test_a_plan_says_everything_before_the_start(api: TestClient, shared: Path) -> None:
    settings = {**SETTINGS, "train.num_epochs": 2, "train.learning_rate": 1e-3}
    answer = api.post("/api/plan", json={"settings": settings})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    plan = told["plan"]
    assert plan["train"]["rows"] == 12
    assert plan["train"]["path"] == str(shared / "train.jsonl")
    assert plan["settings"]["train.learning_rate"] == {"value": 1e-3, "source": "page"}
    assert plan["settings"]["train.batch_size"]["source"] == "default"
    assert plan["prediction"]["updates"] == 10
    assert told["findings"] == plan["findings"]
    assert told["same_name"] is None


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"train.learning_rate": -1}, "train.learning_rate"),
    ({"train.lerning_rate": 1}, "train.lerning_rate"),
    ({"train.batch_size": "many"}, "train.batch_size"),
    ({"align.margin": 0.1, "recipe": "sft"}, "align.margin"),
    ({"data.train": "nothing.jsonl"}, "data.train"),
    ({"data.eval": "nothing.jsonl"}, "data.eval"),
    ({"data.train": ""}, "data.train"),
    ({"model": "no-such-model"}, "model"),
    ({"train.device": "cuda:9"}, "train.device"),
    ({"data.train": "/etc/passwd"}, "data.train"),
    ({"data.train": "../outside.jsonl"}, "data.train"),
    ({"data.train": "train.jsonl\0"}, "data.train"),
    ({"data.facts": "~/.ssh/id_rsa"}, "data.facts"),
    ({"data.eval": "~nobody-of-that-name/x"}, "data.eval"),
    ({"data.eval": "a" * 5000}, "data.eval"),
    ({"model": "/etc"}, "model"),
    ({"model": "../.."}, "model"),
    ({"model": "a\0b"}, "model"),
)


def test_what_cannot_be_planned_is_told_at_its_field(api: TestClient, shared: Path) -> None:
    (shared.parent / "outside.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    told = {}
    for change, field in WRONG:
        answer = api.post("/api/plan", json={"settings": {**SETTINGS, **change}})
        told[json.dumps(change)] = (answer.status_code, answer.json()["error"]["field"], field)
    assert {k: v for k, v in told.items() if v[:2] != (422, v[2])} == {}


@pytest.mark.parametrize(
    "settings",
    [{"train.seed": 10**30}, {"train.seed": [1]}, {"train": {"seed": 1}}, [], "x", None],
)
def test_what_is_no_setting_is_refused(api: TestClient, settings: Any) -> None:
    assert api.post("/api/plan", json={"settings": settings}).status_code == 422


def test_numbers_that_are_none_are_refused(api: TestClient) -> None:
    body = '{"settings": {"train.learning_rate": Infinity}}'
    headers = {"content-type": "application/json"}
    assert api.post("/api/plan", content=body, headers=headers).status_code == 422


def test_a_link_does_not_lead_out(api: TestClient, place: Path) -> None:
    outside = place.parent / "secret.jsonl"
    outside.write_text('{"prompt": "a", "completion": "b"}\n')
    (place / "link.jsonl").symlink_to(outside)
    answer = api.post("/api/plan", json={"settings": {**SETTINGS, "data.train": "link.jsonl"}})
    assert answer.json()["error"]["key"] == "places.outside"
    assert "link.jsonl" not in json.dumps(api.get("/api/places", params={"path": "."}).json())


@pytest.mark.parametrize(
    ("key", "link"),
    [
        ("data.train", "corpus.jsonl"),
        ("data.eval", "qrels/test.tsv"),
        ("model", "chat_template.jinja"),
        ("model", "1_Pooling/config.json"),
    ],
)
def test_no_file_of_a_folder_leads_out(
    api: TestClient, place: Path, monkeypatch: pytest.MonkeyPatch, key: str, link: str
) -> None:
    outside = place.parent / "secret.jsonl"
    outside.write_text('{"_id": "1", "text": "secret"}\n')
    path = place / "folder" / link
    path.parent.mkdir(parents=True)
    path.symlink_to(outside)
    given = {"settings": {**SETTINGS, key: "./folder"}}
    error = api.post("/api/plan", json=given).json()["error"]
    assert (error["key"], error["field"]) == ("places.outside", key)
    assert path.name in error["message"]
    monkeypatch.setenv("HUOHOU_FOLDERS", str(place.parent))  # its owner opens that folder too
    assert facade.allowed_settings({key: "./folder"}) == {key: str(place / "folder")}


@pytest.mark.slow
def test_a_folder_that_was_named_is_open(
    api: TestClient, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = place.parent / "other"
    other.mkdir()
    path = rows_file(other)
    settings = {**SETTINGS, "data.train": str(path)}
    assert api.post("/api/plan", json={"settings": settings}).status_code == 422
    monkeypatch.setenv("HUOHOU_FOLDERS", str(other))
    assert api.post("/api/plan", json={"settings": settings}).status_code == 200


# Starting


@pytest.mark.usefixtures("shared")
def test_a_job_is_started_and_trains_without_the_server(api: TestClient, tmp_path: Path) -> None:
    api.post("/api/plan", json={"settings": SETTINGS})
    answer = api.post("/api/jobs", json={"settings": SETTINGS})
    assert answer.status_code == 201, answer.text
    job = answer.json()
    assert (job["id"], job["name"]) == (1, "numbers")
    folder = Path(job["folder"])
    first = json.loads((folder / "job.jsonl").read_text().splitlines()[1])
    assert (first["kind"], first["detached"]) == ("queue", True)
    done = ended(api, 1)
    assert (done["status"], done["train_loss"]) == ("completed", 0.2)


def test_what_is_started_is_the_plan_that_was_shown(api: TestClient, shared: Path) -> None:
    api.post("/api/plan", json={"settings": SETTINGS})
    (shared / "train.jsonl").unlink()  # making the plan again would not be possible
    assert api.post("/api/jobs", json={"settings": SETTINGS}).status_code == 201


@pytest.mark.slow
@pytest.mark.usefixtures("place")
def test_the_four_choices_for_a_name_that_is_taken(api: TestClient, tmp_path: Path) -> None:
    first = api.post("/api/jobs", json={"settings": SETTINGS}).json()
    ended(api, first["id"])
    told = api.post("/api/plan", json={"settings": SETTINGS}).json()
    assert told["same_name"]["id"] == 1
    refused = api.post("/api/jobs", json={"settings": SETTINGS})
    assert refused.status_code == 409
    assert refused.json()["error"]["same_name"]["id"] == 1

    cancel = api.post("/api/jobs", json={"settings": SETTINGS, "if_exists": "cancel"})
    assert cancel.json() == {"schema": 1, "cancelled": True}
    new = api.post("/api/jobs", json={"settings": SETTINGS, "if_exists": "new"}).json()
    assert new["id"] == 2
    ended(api, 2)
    backup = api.post("/api/jobs", json={"settings": SETTINGS, "if_exists": "backup"}).json()
    assert backup["id"] == 3
    assert Path(backup["put_away"]) == tmp_path / "runs" / "backup" / "2-numbers"
    ended(api, 3)
    # it has completed: there is nothing to go on with, and nothing was started
    go_on = api.post("/api/jobs", json={"settings": SETTINGS, "if_exists": "continue"})
    assert go_on.status_code == 409
    assert {job["id"] for job in api.get("/api/jobs").json()["jobs"]} == {1, 3}


@pytest.mark.slow
@pytest.mark.usefixtures("place")
def test_stop_and_resume(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    ask_fake(monkeypatch, steps=100_000, seconds=0.02)  # it is ended before
    job = facade.train(facade.plan_for(SETTINGS), detach=True)["id"]
    wait_until(lambda: (api.get(f"/api/jobs/{job}").json()["step"] or 0) > 1)
    stopped = api.post(f"/api/jobs/{job}/stop", json={"now": False})
    assert stopped.json()["was"] in ("starting", "running")
    assert ended(api, job)["status"] == "stopped"
    ask_fake(monkeypatch, steps=4)  # for the process that resumes it: it begins only now
    resumed = api.post(f"/api/jobs/{job}/resume", json={})
    assert resumed.status_code == 200, resumed.text
    assert resumed.json()["notes"]  # nothing was saved: it begins at the first step
    assert ended(api, job)["status"] == "completed"


@pytest.mark.slow
@pytest.mark.usefixtures("place")
def test_the_queue_is_ordered_and_left(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    ask_fake(monkeypatch, steps=100_000, seconds=0.02)  # it is ended before
    for name in ("a", "b", "c"):
        api.post("/api/jobs", json={"settings": {**SETTINGS, "name": name}})
    waiting = {job["name"]: job for job in api.get("/api/jobs").json()["jobs"]}
    last = waiting["c"]["id"]
    moved = api.post(f"/api/jobs/{last}/move", json={"before": None}).json()
    assert (moved["id"], moved["moved"]) == (last, True)
    for name in ("b", "c"):
        job = waiting[name]["id"]
        assert api.post(f"/api/jobs/{job}/stop", json={}).json()["status"] == "stopped"
    assert api.post(f"/api/jobs/{last}/move", json={}).status_code == 409
    api.post(f"/api/jobs/{waiting['a']['id']}/stop", json={"now": True})
    ended(api, waiting["a"]["id"])


@pytest.mark.slow
@pytest.mark.usefixtures("place")
def test_a_planner_that_is_killed_is_told_and_begun_anew(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    app: Any = api.app
    planner = app.state.workspace.planner
    begin = planner._begin

    def standing() -> Any:
        process = begin()
        process.send_signal(signal.SIGSTOP)  # the plan is not made before it is killed
        return process

    with ThreadPoolExecutor() as pool, monkeypatch.context() as patch:
        patch.setattr(planner, "_begin", standing)
        asked = pool.submit(api.post, "/api/plan", json={"settings": SETTINGS})
        wait_until(lambda: planner._process is not None)
        planner._process.kill()
        gone = asked.result()
    assert (gone.status_code, gone.json()["error"]["key"]) == (409, "planner.ended")
    planner._begin().kill()  # while it has nothing to do: nobody needs to know
    planner._process.wait()
    assert api.post("/api/plan", json={"settings": SETTINGS}).status_code == 200


def test_put_away_and_brought_back(api: TestClient, tmp_path: Path) -> None:
    written(tmp_path / "runs", {"name": "old"})
    assert api.post("/api/jobs/1/put-away").status_code == 200
    assert api.get("/api/jobs").json()["total"] == 0
    (there,) = api.get("/api/trash").json()["runs"]
    assert (there["id"], there["name"], there["in"]) == (1, "old", "trash")
    assert api.post("/api/jobs/1/restore").json()["runs"][0]["name"] == "old"
    assert api.get("/api/jobs").json()["total"] == 1
    assert api.post("/api/jobs/1/restore").status_code == 404


def test_findings_are_put_aside_and_come_back(api: TestClient, tmp_path: Path) -> None:
    written(tmp_path / "runs", {}, {})
    for job, code in ((1, "overfit"), (1, "no-eval"), (2, "overfit")):
        assert api.post(f"/api/jobs/{job}/dismiss", json={"code": code}).status_code == 200
    back = api.post("/api/jobs/1/dismiss", json={"code": "overfit", "dismissed": False})
    assert back.json()["dismissed"] == ["no-eval"]
    assert api.post("/api/jobs/9/dismiss", json={"code": "overfit"}).status_code == 404
    assert api.post("/api/jobs/1/dismiss", json={"code": "../x"}).status_code == 422
    lines = (tmp_path / "runs" / "dismissed.jsonl").read_text().splitlines()
    assert len(lines) == 4
    Store(tmp_path / "runs").rebuild()
    assert api.post("/api/jobs/2/dismiss", json={"code": "no-eval"}).json()["dismissed"] == [
        "no-eval",
        "overfit",
    ]


def test_what_is_not_there_cannot_be_steered(api: TestClient) -> None:
    for act in ("stop", "resume", "move", "put-away", "restore"):
        assert api.post(f"/api/jobs/77/{act}", json={}).status_code == 404, act
    assert api.post("/api/jobs/77/branch", json={"name": "x"}).status_code == 404


@pytest.mark.parametrize("name", ["", "a\nb", "a\0b", "x" * 201])
def test_a_branch_has_a_name_of_one_line(api: TestClient, tmp_path: Path, name: str) -> None:
    written(tmp_path / "runs", {})
    assert api.post("/api/jobs/1/branch", json={"name": name}).status_code == 422


def test_a_branch_needs_a_checkpoint(api: TestClient, tmp_path: Path) -> None:
    written(tmp_path / "runs", {})
    answer = api.post("/api/jobs/1/branch", json={"name": "[a: {b"})
    assert answer.json()["error"]["key"] == "resume.nothing_to_branch"


# Files


def test_places_begin_where_huohou_was_started(api: TestClient, place: Path) -> None:
    (place / ".hidden").mkdir()
    (place / "notes.txt").write_text("no rows")
    begin = api.get("/api/places").json()
    assert begin["folders"][0]["path"] == str(place)
    here = api.get("/api/places", params={"path": str(place)}).json()
    assert [one["name"] for one in here["files"]] == ["train.jsonl"]
    assert [(one["name"], one["kind"]) for one in here["folders"]] == [("tiny-model", "model")]
    assert here["parent"] is None
    inside = api.get("/api/places", params={"path": str(place / "tiny-model")}).json()
    assert inside["parent"] == str(place)


@pytest.mark.parametrize("path", ["/", "/etc", "..", "../..", "~", ".hidden", "train.jsonl", "\0"])
def test_places_lead_nowhere_else(api: TestClient, place: Path, path: str) -> None:
    (place / ".hidden").mkdir()
    assert api.get("/api/places", params={"path": path}).status_code == 400


def test_an_upload_lies_in_the_workspace(api: TestClient, tmp_path: Path) -> None:
    sent = api.post("/api/uploads?name=../../My rows.JSONL", content=b'{"a": 1}\n')
    assert sent.status_code == 201
    path = Path(sent.json()["path"])
    assert path == tmp_path / "runs" / "uploads" / "My-rows.jsonl"
    assert path.read_bytes() == b'{"a": 1}\n'
    again = api.post("/api/uploads?name=My rows.jsonl", content=b'{"a": 1}\n').json()
    assert again["path"] == str(path)
    other = api.post("/api/uploads?name=My rows.jsonl", content=b'{"a": 2}\n').json()
    assert Path(other["path"]).name == "My-rows-2.jsonl"
    assert sorted(p.name for p in path.parent.iterdir()) == ["My-rows-2.jsonl", "My-rows.jsonl"]


@pytest.mark.parametrize("name", ["x.py", "x.pkl", "run.yaml", "x", "..", ".jsonl", "x.jsonl.sh"])
def test_only_files_of_rows_are_taken(api: TestClient, tmp_path: Path, name: str) -> None:
    assert api.post("/api/uploads", params={"name": name}, content=b"x").status_code == 422
    uploads = tmp_path / "runs" / "uploads"
    assert not uploads.exists() or list(uploads.iterdir()) == []


@pytest.mark.parametrize("name", ["sft", "embed", "facts"])
def test_an_example_is_ready_to_be_planned(api: TestClient, tmp_path: Path, name: str) -> None:
    told = api.post(f"/api/examples/{name}").json()["settings"]
    files = [value for key, value in told.items() if key in ("data.train", "data.eval")]
    assert len(files) == 2
    assert all(Path(file).is_file() for file in files)
    assert Path(files[0]).is_relative_to(tmp_path / "runs" / "uploads")
    kept = Path(files[0]).read_bytes()
    assert api.post(f"/api/examples/{name}").json()["settings"] == told
    assert Path(files[0]).read_bytes() == kept


def test_an_example_that_is_none(api: TestClient) -> None:
    assert api.post("/api/examples/nothing").status_code == 400


def test_rows_are_kept_aside(api: TestClient, place: Path, tmp_path: Path) -> None:
    told = api.post("/api/data/split", json={"path": "train.jsonl", "share": 0.25}).json()
    assert sum(told["rows"].values()) == 12
    assert told["rows"]["data.eval"] >= 1
    for path in told["settings"].values():
        assert Path(path).is_relative_to(tmp_path / "runs" / "uploads")
    again = api.post("/api/data/split", json={"path": "train.jsonl"}).json()
    assert again["settings"] != told["settings"]
    assert api.post("/api/data/split", json={"path": "/etc/passwd"}).status_code == 400
