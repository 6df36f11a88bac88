"""Settings and sizes that a report states of its run."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from huohou.record.readers.prose.lines import Line
from huohou.record.readers.prose.moods import clauses, unsure, unsure_from
from huohou.record.readers.prose.tables import Row
from huohou.record.readers.prose.words import ALONE, COUNT, NUMBER, count_of, value_of

LEAST = 1e-6  # of all rows: a part that is one
MOST = 1000  # counts of hard cases of a report
_ITEM = re.compile(r"^(?:[-*+•·]\s*(?:\[[ xX]\]\s*)?|\d{1,2}[.)、]\s*)")
_MARKS = re.compile(r"^[^\w(]+|\s*\(.*\)$")


def _number(text: str) -> float | None:
    found = re.match(rf"(?P<n>{NUMBER}){ALONE}", text)
    return value_of(found["n"]) if found else None


def _count(text: str) -> int | None:
    found = _number(text)
    return int(found) if found is not None and 0 <= found == found // 1 < 1e15 else None


def _negatives(text: str) -> int | None:
    found = re.search(rf"({COUNT})\s*个?(?:负样本|负例|negative)", text, re.I)
    return count_of(found[1]) if found else _count(text)


def _hard(text: str) -> dict[str, Any] | None:
    count = _count(text)
    if count is None:
        return None
    share = re.search(rf"\(({NUMBER})\s*%\)", text)
    known: dict[str, Any] = {"count": count}
    part = value_of(share[1]) / 100 if share else 0.0
    if part > LEAST:
        known["of"] = round(count / part)
    return known


def _model(text: str) -> str | None:
    found = re.match(r"[A-Za-z][\w.\-]*(?:/[\w.\-]+)?", text)
    return found[0] if found and re.search(r"[\d/-]", found[0]) else None


_KINDS = (
    ("margin", r"margin|triplet|hinge|间隔"),
    (
        "in-batch",
        r"infonce|multiple ?negatives|\bmnrl?\b|in-batch|n-?pair|contrastive|对比(?:学习)?损失",
    ),
    ("preference", r"\bdpo\b|\bkto\b|\borpo\b|\bsimpo\b|偏好"),
    ("logistic", r"\bbce|binary cross|logistic|二元交叉熵|二分类交叉熵"),
    ("cross-entropy", r"cross[- ]?entropy|交叉熵"),
)


def _loss_kind(text: str) -> str | None:
    return next((kind for kind, words in _KINDS if re.search(words, text, re.I)), None)


def _finished(text: str) -> bool | None:
    if re.search(r"运行中|进行中|训练中|running|in progress|started", text, re.I):
        return False
    return True if re.search(r"已?完成|completed|finished|\bdone\b", text, re.I) else None


Reading = Callable[[str], Any]
# Name of a fact, the keys it goes by (whole), how its value is read.
_KEYS: tuple[tuple[str, str, Reading], ...] = (
    (
        "batch_size",
        r"(?:per[_ ]device[_ ])?(?:train[_ ])?batch[ _]?size|批次?大小|批量大小",
        _count,
    ),
    (
        "num_train_epochs",
        r"(?:num(?:ber)?[_ ](?:of[_ ])?)?(?:train[_ ])?epochs|训练轮[数次]|轮数",
        _number,
    ),
    ("learning_rate", r"(?:initial |peak )?learning[ _]rate|lr|(?:初始)?学习率", _number),
    (
        "gradient_accumulation",
        r"gradient[ _]accumulation(?:[ _]steps)?|梯度累[积计](?:步数)?",
        _count,
    ),
    ("margin", r"margin|边[际距]|间隔", _number),
    ("scale", r"(?:logit|similarity)?[ _]?scale|logit缩放", _number),
    ("lora_rank", r"(?:lora[ _-]?)?(?:rank|r)|lora秩", _count),
    ("lora_alpha", r"(?:lora[ _-]?)?alpha", _number),
    ("model", r"基础模型|底座(?:模型)?|模型|(?:base[ _])?model(?:[ _]name)?(?:_or_path)?", _model),
    (
        "rows",
        r"训练集|训练(?:样本|数据)数?量?|train(?:ing)?[ _](?:set|rows|samples|examples|data|"
        r"pairs)(?:[ _]size)?",
        _count,
    ),
    (
        "eval_rows",
        r"验证集|评估集|验证样本数?量?|(?:val(?:idation)?|eval(?:uation)?)[ _](?:set|rows|"
        r"samples|examples|data)(?:[ _]size)?",
        _count,
    ),
    (
        "test_rows",
        r"测试集|测试样本数?量?|(?:held-out )?test[ _](?:set|rows|samples|examples)(?:[ _]size)?",
        _count,
    ),
    ("eval_rows", r"构造样本数|qa对数量|(?:evaluation |eval )?(?:questions|queries)", _count),
    ("vocab_size", r"词表大小|vocab(?:ulary)?[ _]?size|vocabulary", _count),
    ("max_steps", r"(?:max|total)[ _]steps|总步数", _count),
    ("candidates", r"候选数?量?|candidates(?: (?:per|a) (?:question|query))?", _count),
    (
        "negatives",
        r"负(?:样本|例)数?量?|negatives?(?: (?:per|a) \w+)?|neg[_ ]ratio|num[_ ]negatives",
        _negatives,
    ),
    ("hard_cases", r"难例数?量?|困难样本数?量?|hard (?:cases|examples|negatives|questions)", _hard),
    ("loss_kind", r"loss ?函数|损失函数|loss(?: (?:function|type|kind))?", _loss_kind),
    ("finished", r"状态|status|state", _finished),
    ("job", r"job(?: id)?|任务(?:编号|id)", _count),
)
_NAMES = [(name, re.compile(keys, re.I), reading) for name, keys, reading in _KEYS]
_ANY_KEY = re.compile("|".join(f"(?:{keys})" for _, keys, _ in _KEYS), re.I)
_INLINE = re.compile(
    r"(?<![\w.])(?P<key>lora_r|r(?=\s*=)|(?:lora[_ ])?rank|(?:lora[_ ])?alpha|batch[_ ]size|"
    r"num_epochs|"
    r"epochs|lr|"
    r"learning[_ ]rate|margin|logit_scale|neg_ratio|学习率|批次?大小)(?:\s*(?:=|为|是|of|is|"
    r"was)\s*|\s+)"
    rf"(?P<value>{NUMBER}){ALONE}",
    re.I,
)
_THEN = re.compile(r"原来|之前|以前|此前|旧|上一?次|previous|before|earlier|old\b|was\b", re.I)
_NOW = re.compile(r"现在|当前|本次|now|current(?:ly)?", re.I)
_SAMPLES = re.compile(
    r"(?<![\d.,-])(?P<n>\d[\d,]{0,15})\s*[个条行]?\s*(?:训练)?(?:样本|数据|"
    r"(?:training )?(?:rows|samples|examples)\b)",
    re.I,
)
_PASSES = re.compile(
    r"(?:\b(?:trained|tuned|train|ran)\b.{0,60}?\bfor|"
    r"训练了?)\s*(?P<n>\d{1,4})\s*个?\s*(?:epochs\b|epoch|轮)",
    re.I,
)
_FAMILY = re.compile(
    r"(?<![\w/.])(?:[\w.-]{1,40}/)?(?:Qwen|Llama|SmolLM|Mistral|Mixtral|Gemma|Phi|ChatGLM|GLM|"
    r"Baichuan|"
    r"InternLM|DeepSeek|Yi|TinyLlama|Falcon|Pythia|GPT|BERT|RoBERTa|bge|gte|e5)[-\d][\w.\-]{0,60}",
    re.I,
)


Told = tuple[Any, int]  # the value of a fact and the line it stands in


class Facts:
    """Settings and sizes, taken up line by line.

    What a table states counts before what a line does, and that before what is said in passing;
    else what is said first holds.
    """

    def __init__(self) -> None:
        self._tables, self._lines, self._loose = _First(), _First(), _First()

    def take(self, line: Line, row: Row | None) -> None:
        """What a line tells; row: of which table it is one."""
        if row is not None:
            self._tables.put(line, _from_row(line, row))
        if line.kind != "table" and re.search(r"\d|:|=", line.text):
            self._lines.put(line, _line(line))
            self._loose.put(line, _loose(line))

    def all(self) -> dict[str, Told]:
        """Name to value and line."""
        hard = self._tables.hard(self._lines)
        found = self._loose.found | self._lines.found | self._tables.found
        return found | ({"hard_cases": hard} if hard else {})


class _First:
    """Facts as they are told first. Of hard cases all is kept that is said of one count."""

    def __init__(self) -> None:
        self.found: dict[str, Told] = {}
        self._hard: dict[int, dict[str, Any]] = {}

    def put(self, line: Line, facts: Iterable[tuple[str, Any]]) -> None:
        for name, value in facts:
            self.found.setdefault(name, (value, line.number))
            if name == "hard_cases" and (value["count"] in self._hard or len(self._hard) < MOST):
                self._hard[value["count"]] = value | self._hard.get(value["count"], {})

    def hard(self, then: "_First") -> Told | None:
        """The hard cases, with what is said of as many by those that count less."""
        first = self.found.get("hard_cases") or then.found.get("hard_cases")
        if first is None:
            return None
        count, line = first[0]["count"], first[1]
        return then._hard.get(count, {}) | self._hard.get(count, {}), line


def _from_row(line: Line, row: Row) -> Iterator[tuple[str, Any]]:
    cells = row.cells
    if len(cells) > 1 and line.measured and row.head.measured(1) and not unsure(cells[1]):
        yield from _stated(cells[0], cells[1], "")


def _line(line: Line) -> Iterator[tuple[str, Any]]:
    text = _ITEM.sub("", line.text)
    if _THEN.match(text):
        return
    key, colon, value = text.partition(":")
    if colon and line.measured and not unsure(f"{key}:{value.partition('(')[0]}"):
        yield from _stated(key.strip("\"' "), value.strip(" \"'"), line.context)
    if not line.measured:
        return
    for clause in clauses(line.text):
        for found in _INLINE.finditer(clause):
            if unsure_from(clause) > found.start():
                yield from _stated(found["key"], found["value"], "")


def _stated(key: str, value: str, context: str) -> Iterator[tuple[str, Any]]:
    key = _MARKS.sub("", key[:80]).strip()
    if _NOW.fullmatch(key):
        key = _ITEM.sub("", context.rpartition(" / ")[2]).strip(" :0123456789.")
    if not _ANY_KEY.fullmatch(key):
        return
    for name, keys, reading in _NAMES:
        if keys.fullmatch(key) and (found := reading(value)) is not None:
            if name == "hard_cases" and re.search(r"训练|train|对齐|对比学习", context, re.I):
                found["trained"] = True
            yield name, found
            return


def _loose(line: Line) -> Iterator[tuple[str, Any]]:
    """What is said in passing: "450 samples may be too few", a model's name."""
    if line.kind == "code" or not line.measured:
        return
    for clause in clauses(line.text):
        if (found := _PASSES.search(clause)) and not unsure(clause):
            yield "num_train_epochs", value_of(found["n"])
        if (found := _SAMPLES.search(clause)) and not unsure(clause[: found.end()]):
            yield "rows", count_of(found["n"])
    if (found := _FAMILY.search(line.text)) and not unsure(line.text[: found.start()]):
        yield "model", found[0].rstrip(".-")
