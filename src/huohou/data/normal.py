"""When two texts count as the same: the normal form behind duplicates, overlap and look-up."""

import unicodedata

from huohou.data.dataset import Message, Row

ENDINGS = " .?!,;:。、…"  # after NFKC, which turns ？！，；： into their ASCII forms


def normal(text: str) -> str:
    """NFKC, case folded, runs of white space as one blank, without final punctuation.

    >>> normal("Ｗhat  is it？ ")
    'what is it'
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    # Folding may leave what NFKC would change again; once more makes it a fixed point.
    folded = unicodedata.normalize("NFKC", folded)
    return " ".join(folded.split()).rstrip(ENDINGS)


def asked(row: Row) -> str:
    """All of a row that is neither system prompt nor last answer, in normal form."""
    return "\n".join(normal(m.content) for m in _before_answer(row) if m.role != "system")


def asked_with_system(row: Row) -> str:
    """As ``asked``, the system prompt included: what decides which answer is right."""
    return "\n".join(f"{m.role}: {normal(m.content)}" for m in _before_answer(row))


def said(row: Row) -> str:
    """The whole conversation without its system prompt, in normal form."""
    return "\n".join(f"{m.role}: {normal(m.content)}" for m in row.messages if m.role != "system")


def last_line(row: Row) -> str:
    """The last line of the question, in normal form: below a passage, what is asked about it."""
    return normal(row.question.strip().rsplit("\n", 1)[-1])


def is_fact(row: Row) -> bool:
    """Whether the row was made from a table of facts.

    Such rows resemble each other by design: the same fact in another wording is what is tested.
    """
    return "fact" in row.meta and "wording" in row.meta


def is_reverse(row: Row) -> bool:
    """Whether a row made from a fact asks by its value, for its name."""
    return str(row.meta.get("style", "")).startswith("reverse")


def shorten(text: str, length: int = 60) -> str:
    """One line of at most ``length`` characters: the beginning, and the end where it tells more.

    >>> shorten("What is " + "very " * 20 + "big?", 30)
    'What is very ve…very very big?'
    """
    line = " ".join(text.split())
    half = length // 2
    return line if len(line) <= length else f"{line[:half]}…{line[half + 1 - length :]}"


def _before_answer(row: Row) -> tuple[Message, ...]:
    ends = [i for i, m in enumerate(row.messages) if m.role == "assistant"]
    return row.messages[: ends[-1]] if ends else row.messages
