"""The ways a fact is asked for. Each wording has an id, so that it can be kept out of training."""

import random
from dataclasses import dataclass

from huohou.data.facts import FactTable

UNKNOWN = {"en": "unknown", "zh": "不知道"}  # the whole answer where the table has none
# the answer where what was asked for may be any of these names
WHICH = {"en": "Which one do you mean: {names}?", "zh": "请问是哪一个：{names}？"}
EVAL_SHARE, TEST_SHARE = 0.15, 0.25  # of the wordings of a direction, kept out of training

# {name} the thing asked about, {noun} what its value is called, {value} the value,
# {which} what kind of thing it is
FORWARD = {
    "zh": (
        "{name}",
        "{name}{noun}",
        "{name}的{noun}是多少？",
        "请问{name}的{noun}是什么？",
        "帮我查一下{name}的{noun}",
        "{name}的{noun}",
        "我想知道{name}的{noun}",
        "查询{name}{noun}",
        "{name}，{noun}多少？",
        "麻烦告诉我{name}的{noun}，谢谢",
        "你知道{name}的{noun}吗？",
        "填表要用，{name}的{noun}写什么？",
    ),
    "en": (
        "{name}",
        "{name} {noun}",
        "What is the {noun} of {name}?",
        "Please give me the {noun} of {name}.",
        "I need the {noun} for {name}.",
        "Which {noun} does {name} have?",
        "{noun} of {name}?",
        "Can you look up the {noun} of {name}?",
        "Tell me the {noun} for {name}, please.",
        "Do you know the {noun} of {name}?",
        "{name}: which {noun}?",
        "I am filling in a form. What is the {noun} for {name}?",
    ),
}
REVERSE = {
    "zh": (
        "{noun}{value}是{which}",
        "{value}是{which}的{noun}？",
        "{noun}为{value}的是{which}？",
        "请问{noun}{value}对应{which}？",
        "查一下{noun}{value}是{which}",
        "{value}对应{which}？",
        "帮我查{value}这个{noun}属于{which}",
        "我手上有个{noun}{value}，是{which}的？",
    ),
    "en": (
        "Which {which} has the {noun} {value}?",
        "{noun} {value}: which {which}?",
        "Whose {noun} is {value}?",
        "{value} is the {noun} of which {which}?",
        "Look up the {noun} {value}, please. Which {which} is it?",
        "Which {which} does the {noun} {value} belong to?",
        "What is behind the {noun} {value}?",
        "I have the {noun} {value}. Which {which} is that?",
    ),
}


@dataclass(frozen=True, slots=True)
class Wording:
    """A template with its id: language, f for forward or r for reverse, number."""

    id: str
    template: str

    def ask(self, **slots: str) -> str:
        """The question with its slots filled."""
        return self.template.format(**slots)


def wordings(language: str, *, reverse: bool = False) -> list[Wording]:
    """All wordings of a language in one direction."""
    templates = (REVERSE if reverse else FORWARD)[language]
    letter = "r" if reverse else "f"
    return [Wording(f"{language}-{letter}{i:02}", t) for i, t in enumerate(templates, 1)]


def slots(table: FactTable, language: str, noun: str | None = None) -> dict[str, str]:
    """What the value and the thing are called in questions."""
    usual = table.value_column.replace("_", " ").strip()
    if table.bank_codes:
        usual = {"zh": "联行号", "en": "CNAPS code"}[language]
    which = {"zh": "哪一个", "en": table.key_column.replace("_", " ").strip()}[language]
    if table.bank_codes:
        which = {"zh": "哪个银行", "en": "bank branch"}[language]
    return {"noun": noun or usual, "which": which}


def pools(
    language: str, seed: int, eval_wordings: int, test_wordings: int
) -> dict[str, dict[bool, list[Wording]]]:
    """Part to direction (reverse or not) to its wordings; no wording is in two parts."""
    found: dict[str, dict[bool, list[Wording]]] = {"train": {}, "eval": {}, "test": {}}
    for reverse in (False, True):
        every = wordings(language, reverse=reverse)
        random.Random(f"{seed}/wordings/{reverse}").shuffle(every)
        tested = round(len(every) * TEST_SHARE) if test_wordings else 0
        watched = max(1, round(len(every) * EVAL_SHARE)) if eval_wordings else 0
        found["test"][reverse] = every[:tested]
        found["eval"][reverse] = every[tested : tested + watched]
        found["train"][reverse] = every[tested + watched :]
    return found
