"""A character's habits: read from a file, counted in answers, and what the example's file finds."""

import json
import re
from pathlib import Path

import pytest

from huohou.data.dataset import Message, Row
from huohou.data.read import read_dataset
from huohou.errors import ConfigError
from huohou.evaluate.compute import compute, kept
from huohou.evaluate.gates import read_gates
from huohou.evaluate.items import Item, context_of, judged
from huohou.evaluate.questions import choose, role_of
from huohou.evaluate.role import Role, read_role
from huohou.evaluate.score import scorecard
from huohou.plan import Plan
from huohou.probe.answers import Answer
from scored_job import TAUGHT
from tiny import tiny_job

EXAMPLE = Path(__file__).parents[2] / "examples" / "role_play"
HABITS = """
habits:
  - name: sighs
    is: an answer begins with a sigh
    pattern: ^\\(sighs\\)
  - {name: friend, pattern: my friend}
out_of_role: [as an AI]
"""


@pytest.fixture
def role(tmp_path: Path) -> Role:
    path = tmp_path / "habits.yaml"
    path.write_text(HABITS, encoding="utf-8")
    return read_role(path)


def _items(role: Role | None, *answers: str) -> list[Item]:
    rows = [
        Row((Message("user", f"q{n}"), Message("assistant", "a")), n) for n in range(len(answers))
    ]
    said = [Answer(text, 3, 0.1, True) for text in answers]
    return judged(rows, said, context_of(rows, None, role))


def test_habits_are_counted_in_both_models_answers(role: Role) -> None:
    tuned = _items(role, "(sighs) Yes, MY FRIEND.", "(sighs) No.", "Hm. (sighs)", "As an AI, no.")
    base = _items(role, "Yes.", "No.", "As an AI I do.", "my friend")
    found = {m.name: m for m in compute(tuned, base, context_of([], None, role))}
    assert found["role.habit.sighs"].value == 0.5
    assert found["role.habit.friend"].value == 0.25
    assert found["role.habits"].value == pytest.approx((1 + 0.5) / 4)
    assert found["role.habits"].baseline == pytest.approx(0.5 / 4)
    assert found["role.out"].value == found["role.out"].baseline == 0.25
    low, high = found["role.habits"].low, found["role.habits"].high
    assert low is not None and high is not None and low < 0.375 < high
    assert found["role.habits"].difference is not None
    assert "begins with a sigh" in found["role.habit.sighs"].definition


def test_what_is_kept_of_an_answer_can_be_compared_later(role: Role) -> None:
    (one,) = kept(_items(role, "(sighs) Yes."), context_of([], None, role))
    assert one["values"]["role.habit.sighs"] == 1.0
    assert one["values"]["role.habits"] == 0.5
    told = _items(role, "(sighs) Yes.")[0].as_dict()
    assert told["habits"] == {"sighs": True, "friend": False} and told["out_of_role"] is False


def test_without_a_role_nothing_is_said_of_one() -> None:
    found = compute(_items(None, "yes"), None, context_of([], None))
    assert not [m.name for m in found if m.name.startswith("role.")]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("", "role.form"),
        ("habits: []", "role.form"),
        ("habits: [{name: a, pattern: b}]\nmore: 1", "role.form"),
        ("habits: [{name: a, pattern: b}]\nout_of_role: x", "role.form"),
        ("habits: [{name: a}]", "role.entry"),
        ("habits: [{name: a, pattern: b, weight: 2}]", "role.entry"),
        ("habits: [{name: A b, pattern: b}]", "role.name"),
        ("habits: [{name: a, pattern: '('}]", "role.pattern"),
        ("habits: [{name: a, pattern: b}]\nout_of_role: ['[']", "role.pattern"),
        ("habits: [{name: a, pattern: 7}]", "role.no_text"),
        ("habits: [{name: a, pattern: b}]\nout_of_role:\n  - a(?: b|c)", "role.no_text"),
        ("habits: [{name: a, pattern: b}, {name: a, pattern: c}]", "role.twice"),
    ],
)
def test_a_file_that_says_nothing_usable_is_refused(tmp_path: Path, text: str, key: str) -> None:
    path = tmp_path / "habits.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_role(path)
    assert caught.value.key == key
    assert str(path) in str(caught.value)


def test_gates_may_name_a_habit(tmp_path: Path) -> None:
    gates = tmp_path / "gates.yaml"
    gates.write_text(
        "gates: [{metric: role.habit.sighs, min: 0.5}, {metric: role.out, max: 0}]", "utf-8"
    )
    assert [gate.metric for gate in read_gates(gates)] == ["role.habit.sighs", "role.out"]


def test_a_run_names_its_habits_and_is_scored_by_them(tmp_path: Path) -> None:
    habits = tmp_path / "habits.yaml"
    habits.write_text(HABITS.replace("my friend", r"\d"), encoding="utf-8")
    job = tiny_job(tmp_path / "1-tiny", TAUGHT, [f"data.habits={habits}"])
    plan = Plan.load(job / "plan.json")
    card = scorecard(job, choose(plan, "train"), None, role_of(plan), memory=0)
    found = card.metric("role.habit.friend")
    assert found is not None and found.baseline is not None
    lines = (job / card.answers).read_text(encoding="utf-8").splitlines()
    said = [json.loads(line)["tuned"]["answer"] for line in lines]
    assert found.value == sum(bool(re.search(r"\d", text)) for text in said) / len(said)


def test_the_example_is_in_role_in_every_row_and_has_one_system_prompt() -> None:
    role = read_role(EXAMPLE / "habits.yaml")
    prompts, asked = set(), {}
    for name, count in (("train", 120), ("eval", 24)):
        rows = read_dataset(EXAMPLE / f"{name}.jsonl").rows
        assert len(rows) == count
        said = [m.content for row in rows for m in row.messages if m.role == "assistant"]
        played = [role.judge(text) for text in said]
        assert all(one.kept["stage-direction"] and one.kept["wayfarer"] for one in played)
        assert 0.2 < sum(one.kept["sayings"] for one in played) / len(played) < 0.7
        assert not any(one.out for one in played)
        assert len(set(said)) == len(said), "no answer is said twice"
        prompts |= {row.messages[0].content for row in rows if row.messages[0].role == "system"}
        asked[name] = {row.messages[1].content.lower() for row in rows}
    assert len(prompts) == 1
    assert not asked["train"] & asked["eval"]


@pytest.mark.parametrize(
    "answer",
    [
        "As an AI language model, I cannot do that.",
        "I'm a chatbot.",
        "My name is SmolLM and I was made by Hugging Face.",
        "Hello! How can I help you today?",
        "1. Close the door.\n2. Light the fire.",
        "I'm sorry, but I can't.",
    ],
)
def test_an_assistant_is_out_of_role(answer: str) -> None:
    assert read_role(EXAMPLE / "habits.yaml").judge(answer).out
