"""Reading questions as SQuAD, XQuAD, CMRC and DRCD have them: context, question, answers.

The first listed answer is the one that is trained. Unanswerable questions (no answer listed) are
rows without an answer.
"""

from collections.abc import Mapping
from typing import Any

from huohou.data.dataset import Message
from huohou.data.formats import Format, formats
from huohou.data.formats._turns import text, with_system


def fits(row: Mapping[str, Any]) -> bool:
    """Whether there are ``context`` and ``question`` columns."""
    return "context" in row and "question" in row


def read(row: Mapping[str, Any], where: str) -> tuple[Message, ...]:
    """The passage and the question below it, and the first answer."""
    context = text(row["context"], where, "context")
    question = text(row["question"], where, "question")
    messages: tuple[Message, ...] = (Message("user", f"{context}\n\n{question}"),)
    answer = _first(row.get("answers", row.get("answer")))
    if answer is not None:
        messages += (Message("assistant", text(answer, where, "answers")),)
    return with_system(messages, row, where)


def _first(answers: Any) -> Any:
    if isinstance(answers, Mapping):  # the flat form of the hub: {"text": [...], ...}
        answers = answers.get("text")
    if isinstance(answers, list):
        answers = answers[0] if answers else None
    return answers.get("text") if isinstance(answers, Mapping) else answers


EXAMPLE = """{"context": "Wuhan is in Hubei.", "question": "Where is Wuhan?", \
"answers": [{"text": "Hubei"}]}"""
formats.register("squad")(
    Format(fits, read, frozenset({"context", "question", "answers", "answer", "system"}), EXAMPLE)
)
