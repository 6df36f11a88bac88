"""Each check fires on what it is for, says where, and is quiet elsewhere."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from huohou.data.checks import CheckInput, checks, run_checks
from huohou.data.dataset import Dataset, Message, Row
from huohou.data.facts import read_facts
from huohou.data.labels import LabelledRow, label_row
from huohou.data.make import MakeOptions, make
from huohou.data.preview import preview
from huohou.models import ChatTokenizer
from huohou.record.finding import Finding
from tiny import CHATML, tiny_tokenizer

EXAMPLE = Path(__file__).parents[2] / "examples" / "bank_codes" / "branches.csv"
CODES = {
    "conflicting-answers",
    "data-duplicates",
    "data-overlap",
    "empty-answer",
    "missing-eos",
    "no-trainable-tokens",
    "repeated-system-prompt",
    "template-broken",
    "too-few-updates",
    "truncated-answer",
}


def row(question: str, answer: str = "fine", system: str | None = None, **meta: object) -> Row:
    turns = [Message("user", question), Message("assistant", answer)]
    return Row(tuple([Message("system", system), *turns] if system else turns), 0, meta)


def dataset(rows: Sequence[Row], name: str = "train.jsonl") -> Dataset:
    numbered = (replace(one, line=i) for i, one in enumerate(rows, 1))
    return Dataset(name, "messages", tuple(numbered))


def tokenizer(template: str = CHATML) -> ChatTokenizer:
    hf = tiny_tokenizer()
    hf.chat_template = template
    return ChatTokenizer(hf, "tiny")


def labelled(
    rows: Sequence[Row], max_length: int = 512, template: str = CHATML
) -> tuple[list[LabelledRow], ChatTokenizer]:
    chosen = tokenizer(template)
    return [label_row(one, chosen, max_length) for one in rows], chosen


def findings(found: CheckInput) -> dict[str, Finding]:
    return {finding.code: finding for finding in run_checks(found).findings}


GOOD = [row("where is the branch?", "in Beijing"), row("what is the fee?", "nothing")]


def test_all_checks_are_there_and_quiet_on_good_rows() -> None:
    assert {code for code, _ in checks} == CODES
    rows, chosen = labelled(GOOD)
    watched = dataset([row("who are you?", "huohou")], "eval.jsonl")
    report = run_checks(CheckInput(dataset(GOOD), watched, rows, None, 1, 30, 512, chosen))
    assert report.findings == ()
    assert set(report.ran) == CODES
    assert report.skipped == ()
    assert not report.faulty


def test_what_cannot_be_checked_is_listed_with_what_it_needs() -> None:
    report = run_checks(CheckInput(dataset(GOOD)))
    needs = {one.code: one.needs for one in report.skipped}
    assert set(report.ran) | set(needs) == CODES
    assert needs["data-overlap"] == "eval rows: --eval FILE"
    assert needs["missing-eos"] == "a tokenizer: --model NAME"
    assert json.loads(json.dumps(report.as_dict()))["skipped"][0].keys() == {"code", "needs"}


def test_empty_answer() -> None:
    rows = [*GOOD, row("and this?", " \n")]
    found = findings(CheckInput(dataset(rows)))["empty-answer"]
    assert (found.severity, found.tier) == ("error", "data")
    assert found.title == "Empty answers: 1 rows (33%)"
    assert [fact.text for fact in found.evidence] == ["train.jsonl:3: and this?"]


def test_duplicates_exact_and_near() -> None:
    long = "please tell me at which counter of the branch a lost card can be reported"
    rows = [*GOOD, row("What is the fee", "Nothing."), row(long), row(f"{long} now")]
    found = findings(CheckInput(dataset(rows)))["data-duplicates"]
    assert found.severity == "warning"
    assert found.title == "Repeated rows: 1 the same, 1 nearly the same (40% of the rows)"
    assert [fact.text for fact in found.evidence] == [
        "2 times, first at train.jsonl:2: what is the fee?",
        f"train.jsonl:5 is nearly line 4: {'please tell me at which counte'}…lost card can be reported now",
    ]


def test_near_questions_with_other_answers_or_another_last_line_are_no_duplicates() -> None:
    passage = "The branch in Beijing was opened in 1984 and has eleven counters. " * 4
    rows = [
        row(f"{passage}\nWho opened it?", "Ann"),
        row(f"{passage}\nHow many counters?", "Ann"),
        row("hi", "Hello! How can I help you today?"),
        row("hello", "Hello! How can I help you today?"),
        row("what does a transfer to a bank in Hubei cost me", "3"),
        row("what does a transfer to a bank in Hubei cost", "4"),
    ]
    assert "data-duplicates" not in findings(CheckInput(dataset(rows)))


def test_few_duplicates_among_many_are_mentioned_only() -> None:
    rows = [row(f"{i * 7919 % 10007} {chr(97 + i % 26) * 8}", str(i)) for i in range(300)]
    rows.append(rows[5])
    assert findings(CheckInput(dataset(rows)))["data-duplicates"].severity == "info"


def test_conflicting_answers() -> None:
    rows = [*GOOD, row("What is the fee", "ten yuan"), row("what is the fee?", "nothing")]
    found = findings(CheckInput(dataset(rows)))["conflicting-answers"]
    assert found.severity == "warning"
    assert [fact.text for fact in found.evidence] == [
        "what is the fee? -> line 2: nothing | line 3: ten yuan"
    ]
    # Another system prompt may want another answer.
    spoken = [
        row("who are you?", "Ann", "You are Ann."),
        row("who are you?", "Ben", "You are Ben."),
    ]
    assert "conflicting-answers" not in findings(CheckInput(dataset(spoken)))
    facts = [row("a?", str(i), fact="a", wording="f1", expect=str(i)) for i in range(2)]
    assert findings(CheckInput(dataset(facts)))["conflicting-answers"].severity == "error"


def test_overlap_exact_and_near() -> None:
    long = "please tell me at which counter of the branch a lost card can be reported"
    train = dataset([*GOOD, row(long)])
    rows = [row("Where is the branch", "elsewhere"), row(f"{long} now"), row("something new")]
    found = findings(CheckInput(train, dataset(rows, "eval.jsonl")))["data-overlap"]
    assert found.severity == "error"
    assert "1 the same, 1 nearly the same, of 3 (67%)" in found.title
    assert found.evidence[0].text == "eval.jsonl:1 is train.jsonl:1: Where is the branch"
    assert found.evidence[1].text.startswith("eval.jsonl:2 is nearly train.jsonl:3: please tell")


def test_overlap_of_facts_counts_the_same_question_only() -> None:
    made = make(read_facts(EXAMPLE), MakeOptions(facts=24))
    train, watched = dataset(made.train), dataset(made.test, "test.jsonl")
    assert "data-overlap" not in findings(CheckInput(train, watched))
    leaked = dataset([*made.test, made.train[3]], "test.jsonl")
    found = findings(CheckInput(train, leaked))["data-overlap"]
    assert found.severity == "warning"
    assert found.evidence[0].text.startswith("test.jsonl:61 is train.jsonl:4:")


def test_truncated_answer_suggests_a_length_that_suffices() -> None:
    rows = [*GOOD, row("say it", "word " * 60)]
    cut, chosen = labelled(rows, 64)
    given = CheckInput(dataset(rows), labelled_train=cut, max_length=64, tokenizer=chosen)
    found = findings(given)["truncated-answer"]
    assert found.severity == "error"
    assert found.title == "Answers cut at 64 tokens: 1 rows (33%)"
    suggested = (found.advice[0].set or {})["train.max_length"]
    assert suggested % 64 == 0
    assert not label_row(rows[2], chosen, suggested).lost
    assert label_row(rows[2], chosen, suggested - 64).lost


def test_no_trainable_tokens_where_the_prompt_fills_the_limit() -> None:
    rows = [*GOOD, row("read this: " + "word " * 60, "yes")]
    cut, chosen = labelled(rows, 64)
    found = findings(CheckInput(dataset(rows), labelled_train=cut, tokenizer=chosen))
    assert found["no-trainable-tokens"].title == "Nothing to train on in 1 rows (33%)"
    assert "in 1 of them the prompt alone" in found["no-trainable-tokens"].why
    assert "truncated-answer" not in found  # said once


def test_missing_eos() -> None:
    endless = CHATML.replace(
        "+ '<|im_end|>' ", "+ (eos_token if message['role'] == 'user' else '') "
    )
    rows, chosen = labelled(GOOD, template=endless)
    found = findings(CheckInput(dataset(GOOD), labelled_train=rows, tokenizer=chosen))
    assert found["missing-eos"].title == "The end of the answer is not trained in 2 rows (100%)"


def test_template_that_rewrites_earlier_turns_or_loses_text() -> None:
    turns = [("user", "a"), ("assistant", "thinking... b"), ("user", "c"), ("assistant", "d")]
    talk = Row(tuple(Message(role, content) for role, content in turns))
    rewriting = CHATML.replace(
        "message['content'] +",
        "(message['content'] if loop.last else message['content'].replace('thinking...', '')) +",
    )
    rows, chosen = labelled([talk], template=rewriting)
    found = findings(CheckInput(dataset([talk]), labelled_train=rows, tokenizer=chosen))
    assert "1 rows with rewritten turns" in found["template-broken"].title
    dropping = CHATML.replace(
        "{{ '<|im_start|>'", "{{ '' if message['role'] == 'system' else '<|im_start|>'"
    )
    spoken = [row("who are you?", "Ann", "You are Ann.")]
    rows, chosen = labelled(spoken, template=dropping)
    found = findings(CheckInput(dataset(spoken), labelled_train=rows, tokenizer=chosen))
    assert "0 rows with rewritten turns, 1 with lost text" in found["template-broken"].title


def test_template_round_trip_holds_for_any_text() -> None:
    rows = [row(text, text[::-1]) for text in ("你好，世界 🙂", "  spaces  ", "a\n\nb", "ﬁ ½ Å")]
    made, chosen = labelled(rows)
    assert "template-broken" not in findings(
        CheckInput(dataset(rows), labelled_train=made, tokenizer=chosen)
    )


def test_repeated_system_prompt_is_information() -> None:
    system = "You answer questions about bank codes with the code alone, and never guess. " * 2
    rows = [row(f"what is the code of number {i}?", str(i), system) for i in range(20)]
    report = run_checks(CheckInput(dataset(rows)))
    assert [f.severity for f in report.findings] == ["info"]
    assert not report.faulty
    made, chosen = labelled(rows)
    given = CheckInput(dataset(rows), labelled_train=made, batch_size=16, tokenizer=chosen)
    found = findings(given)["repeated-system-prompt"]
    lengths = [len(one.ids) for one in made]
    shared = int(found.evidence[0].value or 0)
    assert (
        len({one.ids[:shared] for one in made}) == 1 < len({one.ids[: shared + 1] for one in made})
    )
    mean = sum(lengths) / len(lengths)
    faster = 16 * mean / (shared + 16 * (mean - shared))
    assert f"about {faster:.1f} times as fast" in found.title
    few = [row(f"number {i}?", str(i), f"prompt {i}") for i in range(20)]
    assert "repeated-system-prompt" not in findings(CheckInput(dataset(few)))


@pytest.mark.parametrize(
    ("count", "batch", "epochs", "updates"), [(184, 16, 3, 36), (10, 16, 49, 49), (17, 16, 1.5, 3)]
)
def test_too_few_updates(count: int, batch: int, epochs: float, updates: int) -> None:
    rows = dataset([row(f"{i} question {i * i}", str(i)) for i in range(count)])
    found = findings(CheckInput(rows, batch_size=batch, num_epochs=epochs))["too-few-updates"]
    assert (found.tier, found.severity) == ("config", "warning")
    assert found.title == f"The plan makes only {updates} updates"
    enough = (found.advice[0].set or {})["train.num_epochs"]
    enough_input = CheckInput(rows, batch_size=batch, num_epochs=enough)
    assert "too-few-updates" not in findings(enough_input)


def test_findings_come_worst_first_and_are_json() -> None:
    system = "You answer questions about bank codes with the code alone, and never guess. " * 2
    rows = [row("what is the code?", str(i), system) for i in range(3)] + [row("b", "", system)]
    report = run_checks(CheckInput(dataset(rows)))
    severities = [finding.severity for finding in report.findings]
    assert severities == ["error", "warning", "info"]
    for finding in json.loads(json.dumps(report.as_dict()))["findings"]:
        assert set(finding) == {field.name for field in dataclasses.fields(Finding)}


def test_preview_joins_to_the_whole_row() -> None:
    one = row("where?", "北京 🙂")
    (made,), chosen = labelled([one])
    spans = preview(made, chosen.decode)
    assert [span.trained for span in spans] == [False, True, False]
    assert spans[1].text == "北京 🙂<|im_end|>"
    assert "".join(span.text for span in spans) == chosen.decode(made.ids)
    assert sum(span.tokens for span in spans) == len(made.ids)
