"""A team's page: a token for each person, roles, and a page that nobody can change."""

import json
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parent))

from doors import changing, doors, reading

from huohou import api
from huohou.cli.main import run
from huohou.people import People
from huohou.web.access import Access, below, may
from huohou.web.app import create_app

LOOKS = ("/api/ask", "/api/chat", "/api/doctor", "/v1")
Open = Callable[..., TestClient]


@pytest.fixture
def people(tmp_path: Path) -> People:
    return People(tmp_path / "runs" / "people.json")


@pytest.fixture
def page(tmp_path: Path, people: People) -> Open:
    def open_page(read_only: bool = False, token: str | None = None) -> TestClient:
        access = Access(token, lambda: people, read_only)
        app = create_app(tmp_path / "runs", access=access)
        return TestClient(app, base_url="http://localhost:3000")

    return open_page


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_nobody_is_asked_while_nobody_has_a_token(page: Open, people: People) -> None:
    client = page()
    assert client.get("/api/jobs").status_code == 200
    token = people.add("lin", "reader")  # from the next request on
    assert client.get("/api/jobs").status_code == 401
    assert client.get("/api/jobs", headers=bearer(token)).status_code == 200
    people.revoke("lin")
    people.add("wu", "reader")
    assert client.get("/api/jobs", headers=bearer(token)).status_code == 401


def test_a_page_open_to_others_stays_closed_without_its_last_person(
    tmp_path: Path, people: People
) -> None:
    """On this machine alone nobody is asked then; where others can reach it nobody comes in."""
    token = people.add("lin", "operator")
    app = create_app(tmp_path / "runs", access=Access(None, lambda: people, closed=True))
    client = TestClient(app, base_url="http://localhost:3000")
    assert client.get("/api/jobs", headers=bearer(token)).status_code == 200
    people.revoke("lin")
    assert client.get("/api/jobs").status_code == 401
    assert client.get("/api/jobs", headers=bearer(token)).status_code == 401
    people.file.unlink()
    assert client.get("/api/jobs", headers=bearer("")).status_code == 401


def test_without_a_token_every_door_is_closed(page: Open, people: People) -> None:
    people.add("lin", "operator")
    client = page()
    for door in doors():
        answer = client.request(door.method, door.with_slots({}))
        assert answer.status_code == 401, door
        assert answer.headers["www-authenticate"] == "Bearer"
    assert client.get("/", headers={"accept": "text/html"}).status_code == 401


def test_a_reader_changes_nothing_at_any_door(page: Open, people: People) -> None:
    reader = bearer(people.add("lin", "reader"))
    operator = bearer(people.add("wu", "operator"))
    client = page()
    refused = 0
    for door in changing():
        path = door.with_slots({})
        answer = client.request(door.method, path, headers=reader)
        allowed = client.request(door.method, path, headers=operator)
        assert allowed.status_code not in (401, 403), door
        if below(path, LOOKS):
            assert answer.status_code not in (401, 403), door
        else:
            refused += 1
            assert answer.status_code == 403, door
            assert answer.json()["error"]["key"] == "web.security.reader"
            assert "operator" in answer.json()["error"]["message"]
    assert refused > 10
    for door in reading():
        code = client.get(door.with_slots({}), headers=reader).status_code
        assert (code == 403) is (door.path == "/api/places"), door


def test_a_reader_asks_only_about_what_the_page_lists(
    page: Open, people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table, notes = tmp_path / "towns.csv", tmp_path / "notes.txt"
    table.write_text("town,zip\nUlm,89073\nAalen,73430\n", encoding="utf-8")
    notes.write_text("The kiln is heated to 1240 degrees.", encoding="utf-8")
    reader, operator = bearer(people.add("lin", "reader")), bearer(people.add("wu", "operator"))
    client = page()

    def ask(who: dict[str, str], **named: str) -> tuple[int, str]:
        body = {"question": "How hot is the kiln? The zip of Ulm?", "mode": "lookup", **named}
        answer = client.post("/api/ask", json=body, headers=who)
        return answer.status_code, answer.json().get("error", {}).get("key", "")

    for named in ({"table": str(table)}, {"mode": "documents", "documents": str(notes)},
                  {"mode": "documents", "documents": str(tmp_path)}):  # fmt: skip
        assert ask(reader, **named) == (403, "answers.not_listed")
        assert ask(operator, **named) == (200, "")
    for content, name in ((table, "towns.csv"), (notes, "notes.txt")):  # handed in: listed
        sent = client.post(f"/api/uploads?name={name}", content=content.read_bytes(),
                           headers=operator)  # fmt: skip
        assert sent.status_code == 201
    listed = client.get("/api/models", headers=reader).json()
    assert len(listed["tables"]) == 2  # the example's, and the upload
    for one in listed["tables"]:
        assert ask(reader, table=one) == (200, "")
    assert ask(reader, mode="documents", documents=listed["documents"][0]) == (200, "")
    assert ask(reader, table=f"{listed['tables'][0]}/../../{table.name}")[0] == 403


def test_read_only_holds_for_operators_and_without_people(page: Open, people: People) -> None:
    client = page(read_only=True)
    answer = client.post("/api/jobs", json={})
    assert (answer.status_code, answer.json()["error"]["key"]) == (403, "web.security.read_only")
    assert client.get("/api/jobs").status_code == 200
    operator = bearer(people.add("wu", "operator"))
    assert client.post("/api/jobs", json={}, headers=operator).status_code == 403


def test_the_page_offers_what_the_role_may_do(page: Open, people: People) -> None:
    reader, operator = people.add("lin", "reader"), people.add("wu", "operator")
    for token, role in ((reader, "reader"), (operator, "operator")):
        client = page()
        answer = client.get(f"/?token={token}&q=a", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/?q=a")
        assert "httponly" in answer.headers["set-cookie"].lower()
        text = client.get("/").text
        assert f'data-role="{role}"' in text
        assert ('href="/new"' in text) is (role == "operator")
        assert ('data-testid="role"' in text) is (role == "reader")
        assert client.get("/new").status_code == (200 if role == "operator" else 403)


def test_the_servers_own_token_is_an_operators(page: Open, people: People) -> None:
    people.add("lin", "reader")
    client = page(token="0123456789abcdefghij")
    wrong = client.post("/api/jobs", json={}, headers=bearer("0123456789abcdefghik"))
    assert wrong.status_code == 401
    right = client.post("/api/jobs", json={}, headers=bearer("0123456789abcdefghij"))
    assert right.status_code == 422


@pytest.mark.parametrize("content", ["{", '{"people": [{"name": "a"}]}', '{"people": 5}', "\x00"])
def test_a_file_that_cannot_be_read_lets_nobody_in(
    page: Open, people: People, content: str
) -> None:
    people.add("lin", "operator")
    client = page()
    people.file.write_text(content)
    answer = client.get("/api/jobs")
    assert (answer.status_code, answer.json()["error"]["key"]) == (503, "people.unreadable")


def test_roles() -> None:
    assert may("operator", "POST", "/api/jobs")
    assert not may("reader", "POST", "/api/jobs")
    assert not may("reader", "POST", "/api/askance")
    assert not may("reader", "DELETE", "/api/jobs/1")
    assert may("reader", "POST", "/api/doctor")


def test_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["token", "ls"]) == 0
    assert "Nobody has a token" in capsys.readouterr().err
    assert run(["token", "add", "lin", "--role", "operator"]) == 0
    token = capsys.readouterr().out.strip()
    assert len(token) == 43
    file = api.people().file
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert token not in file.read_text()
    found = api.people().who(token)
    assert found is not None and (found.name, found.role) == ("lin", "operator")
    assert api.people().who(token[:-1]) is None
    assert run(["token", "add", "lin"]) == 2
    assert "has a token already" in capsys.readouterr().err
    assert run(["token", "add", "../lin"]) == 2
    assert run(["token", "add", "吴"]) == 0
    capsys.readouterr()
    assert run(["token", "ls", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(p["name"], p["role"]) for p in told["people"]] == [
        ("lin", "operator"),
        ("吴", "reader"),
    ]
    assert "sha256" not in json.dumps(told)
    assert run(["token", "revoke", "lin"]) == 0
    assert run(["token", "revoke", "lin"]) == 2
    assert api.people().who(token) is None
