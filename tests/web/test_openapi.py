"""Random requests by the OpenAPI document: nothing that is sent makes the server fail.

Half of them name what is there (a job, an answer, a model), so that they come further than "there
is no such job".
"""

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

sys.path.insert(0, str(Path(__file__).parent))

from asked_jobs import make_jobs, put_into
from doors import STREAMS, Door, document, doors, reading
from serving import Server, serving

import page_job
from huohou.record import asked
from waiting import PATIENCE

FEW, MANY = 3, 60  # requests a door and kind
JOBS = (11, 12)  # they cannot go on: their model is nowhere
SPARE = 13  # may be put away
ASKED, FINDER = 1, 2  # can be asked; of the slow tests
SHORT = 4  # tokens of an answer that a model really gives


class Known:
    """What is there, by the names that the document has for it."""

    def __init__(self, answer: str, models: bool) -> None:
        self.models = models
        self.words: dict[str, Any] = {"job_id": JOBS[0], "job": JOBS[0], "model": str(JOBS[0])}
        if models:
            self.words["model"] = str(ASKED)
        self.words |= {"jobs": "11,12", "id": answer, "path": "plan.json", "name": "bank_codes"}

    def into(self, door: Door, case: Any) -> None:
        """Put it in the place of what was drawn."""
        words = dict(self.words)
        if door.path.endswith("/put-away"):
            words["job_id"] = SPARE
        if self.models and door.path in ("/api/ask", "/api/chat", "/api/chat/prompt"):
            words["job"] = ASKED
        if self.models and door.path.startswith("/v1/"):
            words["model"] = str(FINDER if door.path.endswith("embeddings") else ASKED)
        for part in (case.path_parameters, case.query, case.body):
            if isinstance(part, dict):
                part |= {name: words[name] for name in part if name in words}
        if isinstance(case.body, dict) and "max_tokens" in case.body:
            case.body["max_tokens"] = SHORT


@pytest.fixture(scope="module", params=[False, pytest.param(True, marks=pytest.mark.slow)])
def models(request: pytest.FixtureRequest) -> bool:
    """Whether there are jobs whose models can be asked: they take long to make and to open."""
    return bool(request.param)


@pytest.fixture(scope="module")
def known(models: bool, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Known]:
    """A folder whose workspace has jobs and an answer, and what they are called."""
    folder = tmp_path_factory.mktemp("filled")
    if models:
        put_into(make_jobs(tmp_path_factory.mktemp("jobs")), folder / "runs")
    for number in (*JOBS, SPARE):
        page_job.written(folder / "runs", number, steps=20)
    answer = asked.keep(folder / "runs", {"question": "1?", "answer": "2", "source": "t.csv"})
    assert answer is not None
    return folder, Known(answer, models)


@pytest.fixture(scope="module")
def filled(known: tuple[Path, Known]) -> Iterator[Server]:
    """A server of that workspace."""
    with serving(known[0]) as running:
        yield running


@pytest.fixture(scope="module")
def schema(filled: Server) -> Any:
    return schemathesis.openapi.from_dict(document())


@pytest.fixture(scope="module")
def there(known: tuple[Path, Known]) -> Known:
    return known[1]


def ask(
    door: Door, schema: Any, server: Server, there: Known, mode: GenerationMode, examples: int
) -> None:
    """Send random requests, as the document wants them or not."""
    operation = schema[door.path][door.method]

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), named=st.sampled_from([True, False]))
    def run(case: Any, named: bool) -> None:
        if named:
            there.into(door, case)
        asked_for = case.as_transport_kwargs(base_url=server.url)
        with requests.request(**asked_for, stream=True, timeout=PATIENCE) as answer:
            if door.path in STREAMS:  # its reader leaves as soon as it has begun
                assert answer.status_code < 500
            else:
                assert answer.status_code < 500, answer.text

    run()


def can_be_wrong(door: Door) -> bool:
    """Whether there is anything in a request to it that can be wrong."""
    operation = document()["paths"][door.path][door.method.lower()]
    return bool(operation.get("parameters") or operation.get("requestBody"))


EVERY = list(doors())
WRONG = [door for door in EVERY if can_be_wrong(door)]


@pytest.mark.parametrize("door", [d for d in reading() if d.slots], ids=str)
def test_what_is_named_is_there(door: Door, filled: Server, there: Known) -> None:
    """Else the others would never come past the first 404."""
    if door.path.endswith("/report"):
        assert filled.http.post(f"/api/jobs/{JOBS[0]}/report").status_code == 201
    path = door.with_slots({name: str(word) for name, word in there.words.items()})
    found = filled.http.get(path, params={"names": "loss"})
    asks_model = "{model}" in door.path and not there.models  # without one nobody can be asked
    assert found.status_code == (404 if asks_model else 200), found.text


@pytest.mark.parametrize("door", EVERY, ids=str)
def test_no_request_makes_the_server_fail(
    door: Door, schema: Any, filled: Server, there: Known, models: bool
) -> None:
    ask(door, schema, filled, there, GenerationMode.POSITIVE, MANY if models else FEW)


@pytest.mark.parametrize("door", WRONG, ids=str)
def test_no_wrong_request_makes_the_server_fail(
    door: Door, schema: Any, filled: Server, there: Known, models: bool
) -> None:
    with suppress(Unsatisfiable):  # every word may be a name: nothing can be wrong with it
        ask(door, schema, filled, there, GenerationMode.NEGATIVE, MANY if models else FEW)
