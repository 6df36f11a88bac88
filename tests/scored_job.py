"""Questions about three branches, and what a tiny model is taught of them: right and wrong things."""

from huohou.data.dataset import Message, Row

DAWU, ZHICHUN, XINGFA = "402535510938", "102100020794", "402535510946"
MADE_UP = "313164400027"
TABLE = f"name,code\nDawu branch,{DAWU}\nZhichun branch,{ZHICHUN}\nXingfa branch,{XINGFA}\n"


def row(question: str, answer: str, **meta: object) -> Row:
    """A question with its answer under one system prompt."""
    turns = (Message("system", "Answer with the code alone."), Message("user", question))
    return Row((*turns, Message("assistant", answer)), 0, meta)


def fact(question: str, answer: str, name: str, style: str = "full") -> Row:
    """A question about a fact of the table."""
    return row(question, answer, kind="facts", style=style, fact=name, expect=answer, wording="w")


TAUGHT = (
    row("code of Dawu branch?", DAWU),
    row("Xingfa, which code?", ZHICHUN),  # another branch's
    row("code of Zhichun branch?", MADE_UP),  # nobody's
    row("code of Nowhere branch?", "unknown"),
    row(f"who has {DAWU}?", "Dawu branch"),
)
ASKED = (
    fact("code of Dawu branch?", DAWU, "Dawu branch"),
    fact("Xingfa, which code?", XINGFA, "Xingfa branch", "everyday"),
    fact("code of Zhichun branch?", ZHICHUN, "Zhichun branch"),
    fact(f"who has {DAWU}?", "Dawu branch", "Dawu branch", "reverse"),
    row(
        "code of Nowhere branch?", "unknown", kind="facts", style="unknown", fact=None, expect=None
    ),
)
