"""Random requests by the OpenAPI document: nothing that is sent makes the server fail."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

sys.path.insert(0, str(Path(__file__).parent))

from doors import STREAMS, Door, document, doors
from serving import Server, serving

import page_job

DOORS = [door for door in doors() if door.path not in STREAMS]
FEW, MANY = 3, 60  # requests a door and kind


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose workspace has two jobs."""
    folder = tmp_path_factory.mktemp("filled")
    for number in (1, 2):
        page_job.written(folder / "runs", number, steps=20)
    with serving(folder) as running:
        yield running


@pytest.fixture(scope="module")
def schema(filled: Server) -> Any:
    return schemathesis.openapi.from_dict(document())


def ask(door: Door, schema: Any, server: Server, mode: GenerationMode, examples: int) -> None:
    """Send random requests, as the document wants them or not."""
    operation = schema[door.path][door.method]

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: Any) -> None:
        answer = case.call(base_url=server.url)
        assert answer.status_code < 500, answer.text

    run()


def can_be_wrong(door: Door) -> bool:
    """Whether there is anything in a request to it that can be wrong."""
    operation = document()["paths"][door.path][door.method.lower()]
    return bool(operation.get("parameters") or operation.get("requestBody"))


@pytest.mark.parametrize("door", DOORS, ids=str)
def test_no_request_makes_the_server_fail(door: Door, schema: Any, filled: Server) -> None:
    ask(door, schema, filled, GenerationMode.POSITIVE, FEW)


@pytest.mark.parametrize("door", [d for d in DOORS if can_be_wrong(d)], ids=str)
def test_no_wrong_request_makes_the_server_fail(door: Door, schema: Any, filled: Server) -> None:
    with suppress(Unsatisfiable):  # every word may be a name: nothing can be wrong with it
        ask(door, schema, filled, GenerationMode.NEGATIVE, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("door", DOORS, ids=str)
def test_many_requests(door: Door, schema: Any, filled: Server) -> None:
    ask(door, schema, filled, GenerationMode.POSITIVE, MANY)
    with suppress(Unsatisfiable):
        ask(door, schema, filled, GenerationMode.NEGATIVE, MANY)
