"""What must not get in, and what must not get out, at every door of the OpenAPI document."""

import http.client
import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from waiting import PATIENCE

sys.path.insert(0, str(Path(__file__).parent))

from doors import changing, doors, encoded, reading
from made_jobs import written
from serving import serving

from huohou.web import security
from huohou.web.app import create_app

PAGES = ("/", "/new", "/compare", "/doctor", "/answers", "/static/app.css", "/nothing")
SECRET = "the-secret-outside-of-the-workspace"
TOKEN = "0123456789abcdefghij"
NAUGHTY = "<img src=x onerror=window.hit=1><script>window.hit=1</script>"


def get(api: TestClient, path: str, **headers: str) -> Any:
    return api.get(path, headers=headers, follow_redirects=False)


# Names: DNS rebinding


@pytest.mark.parametrize(
    "host",
    [
        "example.org",
        "localhost.example.org",
        "127.0.0.1.example.org:3000",
        "notlocalhost",
        "10.0.0.7:3000",
        "0.0.0.0:3000",
        "localhost@example.org",
        "[fe80::1]:3000",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/", "/api/openapi.json", "/static/app.css", "/metrics"])
def test_a_foreign_name_gets_nothing(api: TestClient, host: str, path: str) -> None:
    answer = get(api, path, host=host)
    assert answer.status_code == 403
    assert len(answer.content) < 5000


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8080", "LOCALHOST:1", "127.0.0.1:3000", "[::1]:3000", "a.localhost"],
)
def test_names_of_this_machine_are_answered(api: TestClient, host: str) -> None:
    assert get(api, "/", host=host).status_code == 200


def test_a_name_that_was_given_is_answered(tmp_path: Path) -> None:
    app = create_app(tmp_path, hosts=("huohou.example.org",))
    with TestClient(app, base_url="http://huohou.example.org") as client:
        assert client.get("/").status_code == 200
        assert get(client, "/", host="example.org").status_code == 403


# Origin: pages of other sites


@pytest.mark.parametrize("door", changing(), ids=lambda door: f"{door.method} {door.path}")
def test_a_page_of_another_site_changes_nothing(api: TestClient, door: Any) -> None:
    path = door.with_slots({})
    for headers in (
        {"origin": "https://example.org"},
        {"origin": "http://localhost:4000"},  # another program's page on this machine
        {"origin": "null"},
        {"origin": "http://localhost:3000", "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        answer = api.request(door.method, path, headers=headers, json={})
        assert answer.status_code == 403, headers
        assert "web.security.origin" in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {},  # a program
        {"origin": "http://localhost:3000", "sec-fetch-site": "same-origin"},
        {"origin": "http://localhost:3000"},
        {"origin": "null", "sec-fetch-site": "same-origin"},  # a form, under "no-referrer"
    ],
)
def test_our_own_page_and_programs_get_in(api: TestClient, headers: dict[str, str]) -> None:
    answer = api.post("/api/nothing", headers=headers)
    assert answer.status_code in (404, 405)


def test_a_page_of_another_site_cannot_take_pieces_but_may_link(api: TestClient) -> None:
    assert get(api, "/api/openapi.json", **{"sec-fetch-site": "cross-site"}).status_code == 403
    followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert get(api, "/", **followed).status_code == 200


def test_nothing_is_allowed_to_other_origins(api: TestClient) -> None:
    asked = {"origin": "https://example.org", "access-control-request-method": "POST"}
    answer = api.options("/api/jobs", headers=asked)
    assert not [name for name in answer.headers if name.startswith("access-control")]


# Token


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[TestClient]:
    app = create_app(tmp_path / "runs", token=TOKEN)
    with TestClient(app, base_url="http://10.0.0.7:3000") as client:
        yield client


@pytest.mark.parametrize("given", [None, "", "x", TOKEN[:-1], TOKEN + "0", TOKEN.upper(), "é"])
def test_without_the_token_every_door_is_closed(guarded: TestClient, given: str | None) -> None:
    headers = {} if given is None else {"authorization": f"Bearer {given}".encode()}
    for door in doors():
        answer = guarded.request(door.method, door.with_slots({}), headers=headers)
        assert answer.status_code == 401, door
        assert TOKEN not in answer.text
    for path in PAGES:
        # how the page that asks for the token looks is nobody's secret
        code = 200 if path.startswith("/static/") else 401
        assert guarded.get(path, headers=headers).status_code == code
    for path in ("/static", "/static/", "/static/nothing.css", "/static/../api/jobs"):
        assert guarded.get(path, headers=headers).status_code in (401, 404)


def test_the_token_opens(guarded: TestClient) -> None:
    assert get(guarded, "/", authorization=f"Bearer {TOKEN}").status_code == 200
    assert get(guarded, "/", authorization=f"bearer {TOKEN}").status_code == 200
    assert get(guarded, "/", authorization=f"Basic {TOKEN}").status_code == 401


def test_the_address_with_the_token_leaves_a_cookie(guarded: TestClient) -> None:
    first = guarded.get(f"/compare?jobs=1%2C2&token={TOKEN}", follow_redirects=False)
    assert first.status_code == 303
    assert first.headers["location"] == "/compare?jobs=1%2C2"
    cookie = first.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert guarded.get("/").status_code == 200  # the client keeps cookies as a browser does
    assert get(guarded, "/", cookie="huohou_token_3000=wrong").status_code in (200, 401)


def test_the_address_cannot_lead_elsewhere(guarded: TestClient) -> None:
    for path in ("//example.org/", "///example.org", "/\\example.org/"):
        answer = guarded.get(f"http://10.0.0.7:3000{path}?token={TOKEN}", follow_redirects=False)
        assert not answer.headers["location"].startswith(("//", "/\\", "http"))


def test_a_token_in_the_address_changes_nothing(guarded: TestClient) -> None:
    assert guarded.post(f"/api/jobs?token={TOKEN}", json={}).status_code == 401
    assert guarded.get("/?token=wrong").status_code == 401


def test_a_foreign_name_is_refused_with_the_token_too(guarded: TestClient) -> None:
    headers = {"host": "example.org", "authorization": f"Bearer {TOKEN}"}
    assert guarded.get("/", headers=headers).status_code == 403


# Headers


def test_headers_on_every_answer(api: TestClient) -> None:
    parts = [path for path in PAGES if path.startswith("/static/")]
    for path in parts:  # used by the page alone, whose policy holds for them
        assert get(api, path).headers["x-content-type-options"] == "nosniff"
    paths = [*PAGES, "/static/nothing.css", "/static/icon.svg", "/api/openapi.json", "/api/nothing"]
    paths = [path for path in paths if path not in parts]
    answers = [get(api, path, accept="text/html") for path in paths]
    answers.append(get(api, "/", host="example.org"))
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_no_page_that_loads_from_a_cdn(api: TestClient) -> None:
    for path in ("/docs", "/redoc", "/api/docs", "/openapi.json"):
        assert api.get(path).status_code == 404


# Paths


PAYLOADS = (
    "../../{secret}",
    "..%2f..%2f{secret}",
    "%2e%2e/%2e%2e/{secret}",
    "%2e%2e%2f%2e%2e%2f{secret}",
    "..%5c..%5c{secret}",
    "....//....//{secret}",
    "{root}/{secret}",
    "%2f{root}%2f{secret}",
    "file:%2f%2f{root}%2f{secret}",
    "out%2f{secret}",  # a link in the folder that leads out of it
    "plan.json%00",
    "1-bank-codes%2f..%2f..%2f{secret}",
    "%ff%fe",
    "9" * 40,
    "-1",
    "NaN",
    "%20",
)


def test_no_path_leads_out_of_the_workspace(server: Any, tmp_path: Path) -> None:
    (folder,) = written(server.workspace, {})
    (tmp_path / "secret.txt").write_text(SECRET, encoding="utf-8")
    (folder / "out").symlink_to(tmp_path)
    root = encoded(str(tmp_path)[1:])
    tried = 0
    for door in reading():
        for slot in door.slots:
            for payload in PAYLOADS:
                value = payload.format(secret="secret.txt", root=root)
                tried += 1
                status, body = raw(server.port, door.with_slots({slot: value}))
                assert SECRET.encode() not in body, (door, payload)
                assert status < 500, (door, payload, body[:300])
    for payload in PAYLOADS:
        value = payload.format(secret="secret.txt", root=root)
        for path in (f"/static/{value}", f"/static/js/{value}", f"/{value}"):
            status, body = raw(server.port, path)
            assert SECRET.encode() not in body
            assert status < 500
    assert tried >= len(PAYLOADS)


def test_no_path_of_a_changing_request_leads_out(server: Any, tmp_path: Path) -> None:
    (folder,) = written(server.workspace, {})
    (tmp_path / "secret.txt").write_text(SECRET, encoding="utf-8")
    (folder / "out").symlink_to(tmp_path)
    root = encoded(str(tmp_path)[1:])
    before = places(tmp_path)
    with_slots = [door for door in changing() if door.slots]
    assert len(with_slots) >= 8
    for door in with_slots:
        for slot in door.slots:
            for payload in PAYLOADS:
                value = payload.format(secret="secret.txt", root=root)
                status, body = raw(server.port, door.with_slots({slot: value}), door.method)
                assert SECRET.encode() not in body, (door, payload)
                assert 400 <= status < 500, (door, payload, body[:300])
    assert places(tmp_path) == before


def places(folder: Path) -> list[Path]:
    """What lies there, without the database and what it keeps beside it for a while."""
    found = (path.relative_to(folder) for path in folder.rglob("*"))
    return sorted(one for one in found if "huohou.db" not in one.name)


def test_a_branch_begins_at_no_folder_elsewhere(server: Any, tmp_path: Path) -> None:
    """The job's own checkpoints alone, by their names: what lies elsewhere is not looked at."""
    (folder,) = written(server.workspace, {})
    shutil.copytree(folder / "checkpoints", tmp_path / "copy")
    elsewhere = ("../../x", "..", "/etc", "../../../copy/checkpoint-50", "checkpoint-50/../../..",
                 str(tmp_path / "copy" / "checkpoint-50"))  # fmt: skip
    for checkpoint in elsewhere:
        body = {"name": "new", "checkpoint": checkpoint}
        answer = server.http.post("/api/jobs/1/branch", json=body)
        assert answer.status_code == 404, answer.text
        assert answer.json()["error"]["key"] == "resume.no_such"
    assert [path.name for path in server.workspace.glob("[0-9]*")] == [folder.name]


def raw(port: int, path: str, method: str = "GET") -> tuple[int, bytes]:
    """A request of a path as it is: clients tidy up dots and slashes before they send."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    body = b"" if method == "GET" else b"{}"
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        if body:
            connection.putheader("content-type", "application/json")
            connection.putheader("content-length", str(len(body)))
        connection.endheaders(body or None)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


# Size


def test_a_body_that_is_too_large(api: TestClient) -> None:
    for door in changing():
        if not security.below(door.path, security.UPLOADS):
            answer = api.request(
                door.method, door.with_slots({}), content=b" " * (security.BODY_LIMIT + 1),
                headers={"content-type": "application/json"},
            )  # fmt: skip
            assert answer.status_code in (413, 404), door


def test_a_body_that_is_too_large_and_sent_all_the_same(server: Any) -> None:
    content = b" " * (security.BODY_LIMIT + 1)
    answer = server.http.post("/api/plan", content=content)
    assert answer.status_code == 413
    assert answer.json()["error"]["key"] == "web.too_large"
    assert server.http.get("/api/openapi.json").status_code == 200


def test_a_body_of_untold_length_that_is_too_large(server: Any) -> None:
    """Chunked: the length is known only when it has come."""

    def without_end() -> Iterator[bytes]:
        for _ in range(security.BODY_LIMIT // 2**20 + 2):
            yield b" " * 2**20

    for door in changing():
        if door.slots or security.below(door.path, security.UPLOADS):
            continue
        answer = server.http.request(
            door.method, door.path, content=without_end(),
            headers={"content-type": "application/json"},
        )  # fmt: skip
        assert answer.status_code == 413, door


def test_an_upload_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "BODY_LIMIT", 1000)
    monkeypatch.setattr(security, "UPLOAD_LIMIT", 100_000)
    app = create_app(tmp_path / "runs")
    with TestClient(app, base_url="http://localhost:3000") as client:
        for path in security.UPLOADS:
            for size, too_large in ((50_000, False), (200_000, True)):
                answer = client.post(path, files={"files": ("a.txt", b"x" * size)})
                assert (answer.status_code == 413) is too_large, path
                if too_large:
                    assert answer.json()["error"]["key"] == "web.too_large"


# Scripts


def test_names_are_shown_as_text(server: Any, page: Any) -> None:
    about = {"name": NAUGHTY, "error": NAUGHTY, "state": "failed", "log": NAUGHTY}
    written(server.workspace, about, about)
    for path in (
        "/",
        "/jobs/1",
        "/compare?jobs=1,2",
        "/new",
        f"/?q={encoded(NAUGHTY)}",
        "/answers",
    ):
        page.goto(path)
        page.wait_for_timeout(500)  # what scripts of ours show has come, and a script of theirs ran
        assert page.evaluate("window.hit") is None
        assert page.locator("main [onerror]").count() == 0
        assert NAUGHTY not in page.content()
    page.goto("/")
    assert page.get_by_text("onerror=window.hit").count() >= 1


def test_scripts_write_text_and_never_html() -> None:
    static = Path(security.__file__).parent / "static" / "js"
    forbidden = re.compile(
        r"(inner|outer)HTML\s*\+?=(?!=)|insertAdjacentHTML|document\.write|\beval\(|\bFunction\(|"
        r"setHTMLUnsafe|createContextualFragment|DOMParser|srcdoc"
    )
    for script in sorted(static.glob("*.js")):
        assert not forbidden.search(script.read_text(encoding="utf-8")), script.name


def test_templates_hold_no_scripts_and_escape_all() -> None:
    templates = Path(security.__file__).parent / "templates"
    for template in sorted(templates.glob("*.html")):
        text = template.read_text(encoding="utf-8")
        assert "|safe" not in text.replace(" ", ""), template.name
        for word in (" style=", " onclick=", "javascript:", "<style", "http://", "https://"):
            assert word not in text, f"{template.name}: {word}"


# The command


@pytest.mark.skipif(os.name == "nt", reason="files have no modes there")
def test_a_token_file_is_its_owners_alone(tmp_path: Path) -> None:
    from huohou.web import serve

    file = tmp_path / "token"
    token = serve._token("127.0.0.1", file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert token
    assert len(token) >= 40
    assert serve._token("127.0.0.1", file) == token


def test_the_page_reads_its_token_for_nobody(tmp_path: Path) -> None:
    """It may lie in the very folder that is served, under any name."""
    with serving(tmp_path, "--token-file", "token.txt") as server:
        token = (tmp_path / "token.txt").read_text().strip()
        (tmp_path / "notes").mkdir()
        (tmp_path / "notes" / "kiln.md").write_text("The kiln is heated to 1240 degrees.")
        (tmp_path / "notes" / "link.md").symlink_to(tmp_path / "token.txt")
        os.link(tmp_path / "token.txt", tmp_path / "notes" / "same.md")
        server.http.headers["authorization"] = f"Bearer {token}"
        places = server.http.get("/api/places", params={"path": str(tmp_path), "documents": True})
        asked = [("/api/plan", {"settings": {"data.train": "token.txt"}}),
                 ("/api/data/split", {"path": "token.txt"}),
                 ("/api/ask", {"question": "token?", "table": "token.txt"})]  # fmt: skip
        for name in ("token.txt", "notes/link.md", "notes/same.md", "runs/people.json"):
            about = {"question": "token?", "mode": "documents", "documents": name}
            asked.append(("/api/ask", about))
        answers = [server.http.post(path, json=body) for path, body in asked]
        folder = server.http.post("/api/ask", json={
            "question": f"kiln {token}", "mode": "documents", "documents": "notes"})  # fmt: skip
    assert "token.txt" not in [one["name"] for one in places.json()["files"]]
    for answer in answers:
        assert answer.json()["error"]["key"] == "places.outside"
        assert token not in answer.text
    told = folder.json()
    assert token not in str(told["evidence"]) + told["answer"]


def test_only_loopback_needs_no_token() -> None:
    from huohou.web import serve

    for host in ("127.0.0.1", "localhost", "::1", "127.1.2.3"):
        assert serve._token(host, None) is None
    for host in ("0.0.0.0", "::", "10.0.0.7", "example.org"):
        assert serve._token(host, None)
