"""Single measured numbers of a report: scores, errors, times."""

import re
from collections.abc import Iterator
from dataclasses import replace

from huohou.record.readers.prose.lines import Line
from huohou.record.readers.prose.moods import clauses, unsure, unsure_from
from huohou.record.readers.prose.tables import Row
from huohou.record.readers.prose.words import ALONE, NUMBER, rounds_to, series_name, value_of
from huohou.record.record import Figure

MOST = 1000  # figures of a report
_COMPARED = 1_000_000  # pairs of them

# Words of a metric, its name; {k} is the number in it. The first that matches holds.
_METRICS: tuple[tuple[str, str], ...] = (
    (
        r"(?:top[- ]?|前 ?)(?P<k>\d{1,4})(?:名|位)?\s*(?:准确率|命中率|accuracy|acc\b|"
        r"hit(?: rate)?)?",
        "accuracy@{k}",
    ),
    (r"(?:accuracy|acc|hits?|hr|命中率|准确率)\s*@\s*(?P<k>\d{1,4})", "accuracy@{k}"),
    (r"(?:recall|召回率)\s*@\s*(?P<k>\d{1,4})", "recall@{k}"),
    (r"precision\s*@\s*(?P<k>\d{1,4})", "precision@{k}"),
    (r"mrr\s*@\s*(?P<k>\d{1,4})", "mrr@{k}"),
    (r"ndcg\s*@\s*(?P<k>\d{1,4})", "ndcg@{k}"),
    (r"(?:mean[ _])?token[ _]?(?:accuracy|acc|准确率)", "mean_token_accuracy"),
    (r"rmse|均方根误差", "rmse"),
    (r"mse|均方误差", "mse"),
    (r"mae|平均绝对误差", "mae"),
    (r"bleu(?:-4)?", "bleu-4"),
    (r"rouge-?(?P<k>[12l]|lsum)", "rouge-{k}"),
    (r"mrr", "mrr"),
    (r"f1(?:[- ]?score|值)?", "f1"),
    (r"(?:ppl|perplexity|困惑度)", "perplexity"),
    (r"(?:auc|roc[- ]auc)", "auc"),
    (r"(?:spearman|斯皮尔曼)\w*", "spearman"),
    (r"(?:pearson|皮尔逊)\w*", "pearson"),
    (r"(?:exact[ _]match|精确匹配率?)", "exact"),
    (r"(?:recall|召回率)", "recall"),
    (r"(?:precision|精确率)", "precision"),
    (
        r"(?:(?:train(?:ing)?|val(?:idation)?|eval(?:uation)?|test|dev|训练|验证|"
        r"测试)[ _]?(?:集)?)?(?:accuracy|acc|准确率)",
        "accuracy",
    ),
)
_NAMES = [(re.compile(words, re.I), name) for words, name in _METRICS]
_ANY = "|".join(f"(?:{re.sub(r'[?]P<k>', '?:', words)})" for words, _ in _METRICS)
_LINK = (
    r"(?:\s*(?:on|over|for) (?:the |all )?[\w-]{1,20}(?: (?:set|rows|data|questions|samples))?)?"
    r"(?:\s*(?:较低|较高|偏低|偏高|很[高低]|只有|仅有?|为|是|达到?了?|到|=|:|of|is|was|are|at|"
    r"reached|"
    r"only|just|still)){0,3}\s*"
)
_STATED = re.compile(
    rf"(?<![A-Za-z0-9_-])(?P<label>{_ANY}){_LINK}(?<=[^A-Za-z0-9-])(?P<value>{NUMBER})\s*(?P<percent>%|percent)?"
    r"(?P<behind>\s*(?:-|~|至|to)\s*\d|\s*(?:个|次|倍|分之|@|层|epochs?|以[上下]|左右))?",
    re.I,
)
_SHARE = re.compile(
    r"\(?\s*(?P<count>\d[\d,]{0,11})\s*(?:/|of|out of)\s*(?P<of>\d[\d,]{0,11})\s*\)?"
)
_ENTRY = re.compile(
    rf"""^["'](?P<key>[^"']{{1,60}})["']\s*:\s*["']?(?P<value>{NUMBER})["']?\s*,?$"""
)
_CELL = re.compile(rf"(?P<value>{NUMBER})\s*(?P<percent>%)?")
_YOURS = re.compile(
    rf"^\W*(?:你的情况|您的情况|your (?:case|run)|当前|"
    rf"currently?)\s*:\s*(?P<value>{NUMBER})\s*(?:->|[,;.。(]|$)",
    re.I,
)
_LABELLED = re.compile(_ANY, re.I)
_BEFORE = re.compile(
    r"训练前|微调前|before (?:the )?(?:\w+ )?(?:training|fine|tuning)|baseline|基线", re.I
)
_AFTER = re.compile(r"训练后|微调后|after (?:the )?(?:\w+ )?(?:training|fine|tuning)", re.I)


class Figures:
    """The figures in the order of the text, each once, taken up line by line."""

    def __init__(self) -> None:
        self.more = False  # whether some had no room
        self._kept: list[Figure] = []
        self._by_name: dict[str, list[int]] = {}
        self._left = _COMPARED

    def take(self, line: Line, row: Row | None) -> None:
        """What a line tells; row: of which table it is one."""
        for figure in _from_row(line, row) if row is not None else _from_line(line):
            self._put(figure)

    def all(self) -> tuple[Figure, ...]:
        """They."""
        return tuple(self._kept)

    def _put(self, figure: Figure) -> None:
        kept, alike = self._kept, self._by_name.setdefault(_plain(figure.name), [])
        if len(kept) == MOST or self._left < len(alike):
            self.more = True
            return
        self._left -= len(alike)
        same = next((i for i in alike if _says_again(figure, kept[i])), None)
        if same is None:
            alike.append(len(kept))
            kept.append(figure)
        elif figure.of and not kept[same].of:
            kept[same] = replace(figure, when=kept[same].when or figure.when)


def _from_line(line: Line) -> Iterator[Figure]:
    if line.kind == "table" or not re.search(r"\d", line.text):
        return
    if (entry := _ENTRY.match(line.text)) and line.kind == "code":
        if line.measured and (figure := _entry(entry, line)):
            yield figure
        return
    yield from _from_words(line)


def _entry(entry: re.Match[str], line: Line) -> Figure | None:
    """A line of a results object: "predict_bleu-4": 90.87."""
    key = entry["key"].strip()
    kinds = r"(?:predict|eval|test|train)_.+|total_flos|epoch"
    known = re.fullmatch(kinds, key) or metric_name(key)
    return Figure(key, value_of(entry["value"]), entry["value"], line.number) if known else None


def _from_words(line: Line) -> Iterator[Figure]:
    """ "MSE=2.3, RMSE=1.5", "Top-3 accuracy is 30.0% (15/50)", "your case: 0.73"."""
    if found := _YOURS.match(line.text):
        about = _LABELLED.search(line.context.rpartition(" / ")[2])
        if about and (name := metric_name(about[0])):
            yield _figure(name, found["value"], "", line, "")
    if not _LABELLED.search(line.text):
        return
    for clause in clauses(line.text):
        for found in _STATED.finditer(clause):
            name = metric_name(found["label"])
            percent = bool(found["percent"])
            if not name or found["behind"] or not line.tells(clause[: found.end()]):
                continue
            shown = found["value"] + ("%" if percent else "")
            if name.startswith("accuracy@") and not percent and not _plain_share(found["value"]):
                continue
            yield _figure(name, shown, clause[found.end() :], line, _when(line.context + clause))


def _plain_share(value: str) -> bool:
    return "." in value and 0 <= value_of(value) <= 1


def _from_row(line: Line, row: Row) -> Iterator[Figure]:
    cells, head = row.cells, row.head
    name = metric_name(cells[0]) if cells and line.measured and not unsure(cells[0]) else None
    for column, cell in enumerate(cells[1:], start=1):
        found = _CELL.match(cell) if name and head.measured(column) else None
        if not name or not found or unsure(cell):
            continue
        shown = found["value"] + ("%" if found["percent"] else "")
        when = head.when(column) or _when(line.context)
        yield _figure(name, shown, cell[found.end() :], line, when)


def _figure(name: str, shown: str, behind: str, line: Line, when: str) -> Figure:
    percent = shown.endswith("%")
    value = value_of(shown.rstrip("%")) / (100 if percent else 1)
    share = _SHARE.match(behind.strip())
    count = int(share["count"].replace(",", "")) if share else None
    of = int(share["of"].replace(",", "")) if share else None
    if count is None or of is None or not 0 <= count <= of or not of:
        return Figure(name, value, shown, line.number, when=when)
    if percent and abs(count / of - value) > 0.006:  # not the share that was meant
        return Figure(name, value, shown, line.number, when=when)
    text = f"{shown} ({count}/{of})"
    return Figure(name, value if percent else count / of, text, line.number, count, of, when)


def _when(context: str) -> str:
    return "before" if _BEFORE.search(context) else "after" if _AFTER.search(context) else ""


def _says_again(figure: Figure, other: Figure) -> bool:
    """Whether a figure is another one of its name again, perhaps rounded."""
    if figure.when and other.when and figure.when != other.when:
        return False
    a, b = figure.text.partition("%")[0].split(" ")[0], other.text.partition("%")[0].split(" ")[0]
    if ("%" in figure.text) != ("%" in other.text) or not a or not b:
        return figure.value == other.value
    return rounds_to(a, value_of(b)) or rounds_to(b, value_of(a))


def _plain(name: str) -> str:
    return re.sub(r"^(?:predict|eval|test)_", "", name)


def metric_name(label: str) -> str | None:
    """Name of the metric that words mean.

    >>> metric_name("Top-3准确率"), metric_name("RMSE"), metric_name("ROUGE-L"), metric_name("难例")
    ('accuracy@3', 'rmse', 'rouge-l', None)
    """
    plain = label.strip().lower()
    for words, name in _NAMES:
        if found := words.fullmatch(plain):
            return name.format(k=found.groupdict().get("k", ""))
    return None


class Losses:
    """Losses that are told outside of a curve, "loss fell from 3.69 to 0.5": each value once, the
    last is where the run stands."""

    def __init__(self) -> None:
        self.more = False
        self._found: dict[float, Figure] = {}

    def take(self, line: Line) -> None:
        """What a line tells."""
        for figure in _told_losses(line):
            if figure.value in self._found or len(self._found) < MOST:
                self._found[figure.value] = figure
            else:
                self.more = True

    def all(self) -> tuple[Figure, ...]:
        """They."""
        return tuple(self._found.values())


def _told_losses(line: Line) -> Iterator[Figure]:
    if line.kind == "table" or not _LOSS.search(line.text):
        return
    for found in _REACHED.finditer(line.text):
        name = series_name(found["label"])
        own = line.measured or _OWN.search(line.text)
        vague = _VAGUE.search(found[0]) or unsure_from(line.text) <= found.start()
        if name and own and not vague:
            yield Figure(name, value_of(found["value"]), found["value"], line.number)


_LOSS = re.compile(r"loss|损失", re.I)
_OWN = re.compile(r"你的|您的|\byour\b", re.I)
_VAGUE = re.compile(r"需要|应|should|must|needs|目标|target|直到|until|继续", re.I)
_REACHED = re.compile(
    rf"(?P<label>(?:train(?:ing)?|val(?:idation)?|eval)?[ _]?loss|(?:训练|验证)?损失)"
    rf"[^。;,\d<>]{{0,6}}(?:(?:从|from)\s*{NUMBER}\s*(?:\S{{0,4}} )?(?:降到|降至|下降到|到|to|"
    rf"->)|=|降到|降至|"
    rf"(?:fell|dropped|went|down|came down|stayed|stays|is stuck|ended) (?:down )?(?:to|at)|of)\s*"
    rf"(?P<value>{NUMBER}){ALONE}(?!\s*%)",
    re.I,
)
