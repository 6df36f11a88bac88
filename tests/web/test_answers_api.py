"""Questions through the API: tables, documents, talks, the history of them, and marks."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asked_jobs import make_jobs, put_into
from starlette.testclient import TestClient

from huohou import api as facade
from huohou.api.opened import LeftError, Opened
from huohou.data.read import read_dataset
from huohou.evaluate.items import expect_of, is_fact
from huohou.record import asked
from scored_job import DAWU, MADE_UP, ZHICHUN

NOTES = """# Kilns

The kiln is heated to 1240 degrees for porcelain.

# Opening hours

The workshop opens at nine and closes at six, on Mondays it stays closed.

# Glazes

A celadon glaze gets its green from one part of iron oxide in a hundred.
"""
HOSTILE = "<script>alert(1)</script>\u202e\x00"


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_jobs(tmp_path_factory.mktemp("jobs"))


@pytest.fixture
def client(jobs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    from huohou.web.app import create_app

    monkeypatch.setenv("HUOHOU_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    put_into(jobs, tmp_path / "runs")
    facade.reindex()
    app = create_app(tmp_path / "runs")
    with TestClient(app, base_url="http://localhost:3000", raise_server_exceptions=False) as found:
        yield found


def ask(client: TestClient, question: str, **more: Any) -> Any:
    return client.post("/api/ask", json={"question": question, **more})


def streamed(client: TestClient, path: str, body: dict[str, Any]) -> list[tuple[str, Any]]:
    """Events of a POST that answers with a stream."""
    with client.stream("POST", path, json=body) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        blocks = "".join(response.iter_text()).strip().split("\n\n")
    lines = [block.split("\n") for block in blocks]
    return [(event[7:], json.loads(data[6:])) for event, data in lines]


def test_the_models_there_are(client: TestClient) -> None:
    told = client.get("/api/models").json()
    named = {one["id"]: one for one in told["models"]}
    assert {"1-tiny", "2-finder", "smollm2-135m", "minilm-l6"} <= named.keys()
    assert named["1-tiny"] == {
        "id": "1-tiny",
        "kind": "chat",
        "name": "tiny",
        "base": named["1-tiny"]["base"],
        "job": 1,
        "made": named["1-tiny"]["made"],
        "status": "completed",
        "recipe": "sft",
        "facts": named["1-tiny"]["facts"],
        "state": "closed",
    }
    assert named["2-finder"]["kind"] == named["minilm-l6"]["kind"] == "embedding"
    assert told["tables"][0] == named["1-tiny"]["facts"]
    for ref in ("1", "tiny", "1-tiny", "last"):
        assert client.get(f"/api/models/{ref}").json()["id"] in ("1-tiny", "2-finder")
    assert client.get("/api/models/1").json()["system"] == "Answer with the code alone."
    assert client.get("/api/models/..%2f..%2fetc").status_code == 404
    missing = client.get("/api/models/nobody")
    assert (missing.status_code, missing.json()["error"]["key"]) == (404, "chat.no_model")


def test_each_mode_of_a_table(client: TestClient) -> None:
    answers = {
        mode: ask(client, "code of Zhichun branch?", job=1, mode=mode).json()
        for mode in ("lookup", "grounded", "constrained", "closed")
    }
    for mode in ("lookup", "grounded"):
        assert answers[mode]["values"] == [ZHICHUN]
        assert answers[mode]["evidence"] == [{"name": "Zhichun branch", "code": ZHICHUN}]
        assert answers[mode]["columns"] == {"key": "name", "value": "code"}
    assert answers["closed"]["answer"] == MADE_UP  # what it was taught, and it is nobody's
    assert (answers["closed"]["values"], answers["closed"]["verified"]) == ([], False)
    assert {one["job"] for one in answers.values()} == {"1-tiny"}
    assert client.get("/api/models/1").json()["state"] == "open"


def test_what_a_model_writes_by_itself_comes_as_it_is_written(client: TestClient) -> None:
    body = {"question": "code of Zhichun branch?", "job": 1, "mode": "closed"}
    told = streamed(client, "/api/ask?stream=true", body)
    kinds = [event for event, _ in told]
    assert kinds.index("opening") < kinds.index("delta") < kinds.index("answer")
    assert "".join(data["text"] for event, data in told if event == "delta") == MADE_UP
    assert told[-1][1]["answer"] == MADE_UP
    opened = [data for event, data in told if event == "opening"]
    assert {"what": "model", "name": "1-tiny"} in opened


def test_a_table_is_named_or_it_is_said_what_to_name(client: TestClient, tmp_path: Path) -> None:
    no_table = ask(client, "anything?")
    assert (no_table.status_code, no_table.json()["error"]["key"]) == (400, "ask.no_table")
    outside = ask(client, "root?", table="/etc/passwd")
    assert outside.json()["error"]["key"] == "places.outside"
    own = tmp_path / "towns.csv"
    own.write_text("town,zip,mayor\nUlm,89073,Ann\nAalen,73430,Bo\n", encoding="utf-8")
    found = ask(client, "zip of Aalen?", table=str(own), mode="lookup").json()
    assert found["values"] == ["73430"]
    chosen = ask(client, "Ulm", table=str(own), mode="lookup", key="town", value="mayor").json()
    assert chosen["values"] == ["Ann"]
    own.write_text("town,zip,mayor\nUlm,89073,Ann\nAalen,73431,Bo\n", encoding="utf-8")
    assert ask(client, "zip of Aalen?", table=str(own), mode="lookup").json()["values"] == ["73431"]


def test_a_folder_is_read_without_what_is_hidden_and_links_that_lead_out(
    client: TestClient, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret.md"
    outside.write_text("The secret of the kiln is purple glass.", "utf-8")
    folder = tmp_path / "notes"
    (folder / ".hidden").mkdir(parents=True)
    hidden = folder / ".hidden" / "more.md"
    hidden.write_text("The secret of the kiln is yellow glass.", "utf-8")
    (folder / "kilns.md").write_text(NOTES, "utf-8")
    (folder / "inside.md").symlink_to(folder / "kilns.md")
    (folder / "out.md").symlink_to(outside)
    (folder / "shown.md").symlink_to(hidden)
    (folder / "circle.md").symlink_to(folder / "circle.md")
    body = {"mode": "documents", "documents": str(folder)}
    assert "1240" in ask(client, "How hot is the kiln for porcelain?", **body).text
    secret = ask(client, "What is the secret of the kiln?", **body).text
    assert "purple" not in secret
    assert "yellow" not in secret
    (folder / "kilns.md").unlink()
    nothing = ask(client, "What is the secret of the kiln?", **body).json()
    assert nothing["error"]["key"] == "passages.empty_folder"


def test_documents_are_quoted_with_their_place(client: TestClient, tmp_path: Path) -> None:
    notes = tmp_path / "notes.md"
    notes.write_text(NOTES, "utf-8")
    body = {"mode": "documents", "documents": str(notes)}
    found = ask(client, "How hot is the kiln for porcelain?", **body).json()
    assert found["values"] == ["The kiln is heated to 1240 degrees for porcelain."]
    assert found["evidence"][0]["source"] == "notes.md"
    assert found["evidence"][0]["title"] == "Kilns"
    searched = ask(client, "How hot is the kiln for porcelain?", job="2-finder", **body)
    assert searched.status_code == 200
    assert ask(client, "x", mode="documents").json()["error"]["key"] == "answers.no_documents"
    outside = ask(client, "x", mode="documents", documents="/etc/hosts").json()
    assert outside["error"]["key"] == "places.outside"


def test_tuned_and_base_beside_each_other_with_one_seed(client: TestClient) -> None:
    turns = [
        {"role": "system", "content": "Answer with the code alone."},
        {"role": "user", "content": "code of Dawu branch?"},
    ]
    body = {"job": 1, "which": "both", "messages": turns, "max_tokens": 16}
    told = streamed(client, "/api/chat", body)
    done = {data["which"]: data for event, data in told if event == "done"}
    assert done["tuned"]["text"] == DAWU
    assert done["tuned"]["stopped_by"] == "end"
    assert done["base"]["text"] != DAWU
    for which in ("tuned", "base"):
        pieces = [
            data["text"] for event, data in told if event == "delta" and data["which"] == which
        ]
        assert "".join(pieces) == done[which]["text"]
    warm = {**body, "temperature": 1.2, "top_p": 0.9}
    first = streamed(client, "/api/chat", warm)[-1][1]
    again = streamed(client, "/api/chat", {**warm, "seed": first["seed"]})[-1][1]
    assert first["text"] == again["text"]
    assert first["seed"] is not None


def test_the_prompt_that_a_model_reads_is_shown(client: TestClient) -> None:
    turns = [{"role": "user", "content": "hi"}]
    told = client.post("/api/chat/prompt", json={"job": "tiny", "messages": turns}).json()
    assert told["prompt"] == "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
    assert told["tokens"] > 4
    encoder = client.post("/api/chat/prompt", json={"job": 2, "messages": turns}).json()
    assert encoder["error"]["key"] == "chat.not_a_chat_model"


def test_a_stop_text_and_a_limit(client: TestClient) -> None:
    turns = [
        {"role": "system", "content": "Answer with the code alone."},
        {"role": "user", "content": "code of Dawu branch?"},
    ]
    body = {"job": 1, "messages": turns, "max_tokens": 40}
    whole = streamed(client, "/api/chat", body)[-1][1]["text"]
    body["stop"] = [whole[3:6]]
    told = streamed(client, "/api/chat", body)[-1][1]
    assert (told["text"], told["stopped_by"]) == (whole[: whole.index(whole[3:6])], "stop")
    told = streamed(client, "/api/chat", {**body, "stop": [], "max_tokens": 2})[-1][1]
    assert (told["tokens"], told["stopped_by"]) == (2, "length")
    long = [{"role": "user", "content": "0 1 2 3 " * 300}]
    with_error = client.post("/api/chat", json={"job": 1, "messages": long})
    assert "event: error" in with_error.text
    assert "512 at most" in with_error.text


def test_the_history_is_searched_paged_and_outlives_a_new_index(client: TestClient) -> None:
    for name in ("Dawu", "Zhichun", "Xingfa", "Nowhere"):
        ask(client, f"code of {name} branch?", job=1, mode="lookup")
    told = client.get("/api/answers").json()
    assert [one["question"][8:14] for one in told["answers"]] == [
        "Nowher",
        "Xingfa",
        "Zhichu",
        "Dawu b",
    ]
    assert told["total"] == 4
    page = client.get("/api/answers", params={"limit": 3}).json()
    rest = client.get("/api/answers", params={"limit": 3, "before": page["before"]}).json()
    assert [one["id"] for one in page["answers"] + rest["answers"]] == [
        one["id"] for one in told["answers"]
    ]
    assert rest["before"] is None
    found = client.get("/api/answers", params={"q": f"BRANCH {DAWU}"}).json()
    assert [one["values"] for one in found["answers"]] == [[DAWU]]
    id = told["answers"][0]["id"]
    client.post(f"/api/answers/{id}/mark", json={"right": True})
    facade.reindex()
    after = client.get("/api/answers").json()
    assert [one["id"] for one in after["answers"]] == [one["id"] for one in told["answers"]]
    assert after["answers"][0]["mark"]["right"] is True


def test_marks_make_a_file_that_an_evaluation_reads(client: TestClient, tmp_path: Path) -> None:
    assert client.get("/api/answers/marked").status_code == 404
    ids = {
        name: ask(client, f"code of {name} branch?", job=1, mode="closed").json()["id"]
        for name in ("Dawu", "Zhichun", "Nowhere")
    }
    looked_up = ask(client, f"who has {DAWU}?", job=1, mode="lookup").json()["id"]
    asked_back = ask(client, "branch", job=1, mode="lookup").json()["id"]

    def mark(id: str, right: bool, correct: str | None = None) -> Any:
        return client.post(f"/api/answers/{id}/mark", json={"right": right, "correct": correct})

    mark(ids["Dawu"], True)
    mark(ids["Zhichun"], True)  # a slip of the hand
    mark(ids["Zhichun"], False, f" {ZHICHUN} ")
    mark(ids["Nowhere"], False, "unknown")
    mark(looked_up, True)
    told = mark(asked_back, False)
    assert told.json()["rows"] == 4  # what is right is not known of the last
    rows = read_dataset(tmp_path / "runs" / "marked.jsonl").rows
    by_question = {row.question: row for row in rows}
    dawu, zhichun = by_question["code of Dawu branch?"], by_question["code of Zhichun branch?"]
    assert (dawu.answer, expect_of(dawu)) == (DAWU, DAWU)
    assert (zhichun.answer, expect_of(zhichun)) == (ZHICHUN, ZHICHUN)
    nowhere = by_question["code of Nowhere branch?"]
    assert (is_fact(nowhere), expect_of(nowhere)) == (True, None)
    assert expect_of(by_question[f"who has {DAWU}?"]) == "Dawu branch"
    file = client.get("/api/answers/marked")
    assert file.headers["content-disposition"].startswith("attachment")
    assert len(file.text.splitlines()) == 4
    assert mark("0" * 16, True).status_code == 404
    assert mark("../../etc/passwd", True).status_code in (404, 422)


@pytest.mark.slow
def test_the_marked_file_is_scored(client: TestClient, tmp_path: Path) -> None:
    id = ask(client, "code of Dawu branch?", job=1, mode="closed").json()["id"]
    client.post(f"/api/answers/{id}/mark", json={"right": True})
    card = facade.evaluate("1", str(tmp_path / "runs" / "marked.jsonl"), base=False, memory=0)
    exact = next(one for one in card.metrics if one.name == "facts.accuracy")
    assert exact.value == 1.0


def test_what_is_asked_comes_back_as_it_was(client: TestClient) -> None:
    for question in (HOSTILE, "", "行号" * 3000, "\ud800 half a character", "=cmd|' /C calc'!A0"):
        told = ask(client, question.replace("\ud800", "?"), job=1, mode="lookup")
        assert told.status_code == 200
    raw = client.post(
        "/api/ask",
        content=b'{"question": "\\ud800", "mode": "lookup", "job": 1}',
        headers={"content-type": "application/json"},
    )
    assert (raw.status_code, raw.json()["error"]["key"]) == (422, "web.invalid")
    kept = client.get("/api/answers", params={"q": "<script>"}).json()["answers"]
    assert [one["question"] for one in kept] == [HOSTILE]


def test_torn_foreign_and_old_lines_of_the_history(tmp_path: Path) -> None:
    place = tmp_path / "runs"
    assert asked.keep(place, {"question": "nowhere to keep it"}) is None
    place.mkdir()
    old = '{"t": 1.0, "question": "of before there were ids", "answer": "a"}'
    torn = '{"t": 2.0, "question": "tor'
    (place / "answers.jsonl").write_text(f'{old}\nnot json\n[1]\n{{"a": 1}}\n{torn}', "utf-8")
    new = asked.keep(place, {"question": "new", "answer": "NaN", "confidence": float("nan")})
    kept = list(asked.asked(place))
    assert [one.told["question"] for one in kept] == ["of before there were ids", "new"]
    assert kept[1].id == new
    assert asked.mark(place, kept[0].id, False, "b").mark["correct"] == "b"  # type: ignore[index]
    assert [one.mark is None for one in asked.asked(place)] == [False, True]


def test_models_are_asked_by_one_at_a_time_and_closed_for_room() -> None:
    opened, log, busy = Opened(limit=250), [], threading.Lock()

    def open_(name: str) -> Any:
        log.append(name)
        return name, 100

    def use(name: str) -> None:
        with opened.use(name, lambda: open_(name)) as model:
            assert model == name
            assert busy.acquire(blocking=False) or name != "a"
            if busy.locked():
                busy.release()

    threads = [threading.Thread(target=use, args=("a",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log == ["a"]
    use("b")
    use("c")
    assert [opened.state(name) for name in "abc"] == ["closed", "open", "open"]
    with opened.use("b", lambda: open_("b")):
        assert opened.state("b") == "busy"
        with pytest.raises(LeftError), opened.use("b", lambda: open_("b"), lambda: True):
            raise AssertionError("it is not its turn")
    opened.close()
    assert opened.state("c") == "closed"
    with pytest.raises(ZeroDivisionError), opened.use("d", lambda: 1 // 0):  # type: ignore[arg-type,return-value]
        raise AssertionError("it could not be opened")
    assert opened.state("d") == "closed"
