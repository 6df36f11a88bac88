"""docs/faultbench.md, written from the recorded scorings of held runs."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.faultbench.stored import HELD, is_drawn

HERE = Path(__file__).parent
SCORINGS = HERE / "scorings.jsonl"
PAGE = HERE.parents[1] / "docs" / "faultbench.md"

HALVES = {
    "test": "`test` (first held half, since opened)",
    "test2": "`test2` (second held half, since opened)",
    "test3": "`test3` (third held half, since opened)",
    "test4": "`test4` (fourth held half, since opened)",
    "test5": "`test5` (fifth held half, since opened)",
    "test6": "`test6` (sixth held half, since opened)",
    "test7": "`test7`",
    "test8": "`test8`",
}

# What is wanted, and where the figure stands.
TARGETS = (
    ("faults detected", ("huohou", "detected", "value"), "min", 0.90),
    ("macro-F1 by code", ("huohou", "macro_f1"), "min", 0.85),
    ("healthy and look-alike runs with an alarm", ("huohou", "false_alarms", "value"), "max", 0.02),
    ("calibration error", ("huohou", "calibration", "ece"), "max", 0.05),
    ("Brier skill", ("huohou", "calibration", "brier_skill"), "min", 0.0),
    ("AUROC of confidence", ("huohou", "calibration", "auroc"), "min", 0.80),
    ("repaired by our advice", ("repair", "share"), "min", 0.80),
)


def record(told: Mapping[str, Any]) -> None:
    """Add a scoring with its date to the record; none is ever taken away."""
    dated = {"date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"), **told}
    with SCORINGS.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(dated, ensure_ascii=False) + "\n")


def write() -> None:
    """Write the page from the last scoring, with the list of all."""
    rows = [json.loads(line) for line in SCORINGS.read_text(encoding="utf-8").splitlines()]
    PAGE.write_text("\n".join(_lines(rows)) + "\n", encoding="utf-8")


def _lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    last = rows[-1]
    counts = last["counts"]
    yield "# FT-FaultBench\n"
    yield (
        "How good the doctor is, measured on real small training runs with planted faults. Written"
        f" by `python -m bench.faultbench --split {_split(last)}`; how the runs were made is in"
        " [bench/faultbench](../bench/faultbench/README.md). [All documents](index.md)\n"
    )
    yield (
        f"The held half, {HALVES[_split(last)]}, has {counts['runs']} runs:"
        f" {counts['faulty']} with a fault ({counts['decidable']} of them decidable"
        " from a log with its settings),"
        f" {counts['healthy']} healthy, {counts['look_alikes']} that only look faulty. Its ways of"
        " planting and its architectures were not in the development runs when it was scored.\n"
    )
    if not is_drawn(HELD):
        yield f"The next held half, {HALVES[HELD]}, is not drawn yet; this is the last one.\n"
    yield from _targets(last)
    yield from _intervals(last)
    yield from _linters(last)
    yield from _codes(last)
    yield from _formats(last)
    yield from _early(last)
    yield from _repair(last)
    yield from _misses(last)
    yield from _history(rows)


def _targets(last: Mapping[str, Any]) -> Iterator[str]:
    yield "| figure | value | target | met |\n|---|---|---|---|"
    for words, path, side, bound in TARGETS:
        value = at(last, path)
        if value is None:
            yield f"| {words} | not measured | {side} {bound:g} | |"
            continue
        met = value >= bound if side == "min" else value <= bound
        yield f"| {words} | {value:.3f} | {side} {bound:g} | {'yes' if met else '**no**'} |"
    yield ""


def _intervals(last: Mapping[str, Any]) -> Iterator[str]:
    yield "With exact 95 % intervals (Clopper and Pearson; of none, the rule of three):\n"
    for words, name in (
        ("faults with an alarm", "detected"),
        ("faults named", "named"),
        ("healthy and look-alike runs with an alarm", "false_alarms"),
        ("of these, healthy runs", "false_alarms_healthy"),
    ):
        found = last["huohou"][name]
        yield (
            f"- {words}: {found['hits']} of {found['n']}, {found['value']:.1%}"
            f" [{found['low']:.1%}, {found['high']:.1%}]"
        )
    precision = last["huohou"]["precision_on_faulty"]
    yield f"- alarms on faulty runs that were true: {precision:.1%}\n"


def _linters(last: Mapping[str, Any]) -> Iterator[str]:
    if not last.get("linters"):
        return
    yield "## Beside the public linters\n"
    yield (
        "On the same logs; each in the format in which it names most, with its default settings."
        " A check counts for every code it can reasonably be taken to mean, and whatever is said"
        " counts, of whatever severity, on both sides. The lead is ours on the same file less"
        " theirs, with a 95 % interval by paired bootstrap.\n"
    )
    yield "| | version | format | alarm | named | ours named | lead | false alarms |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, each in last["linters"].items():
        lead = each["lead"]
        yield (
            f"| {name} | {each['version']} | {each['format']} | {each['detected']['value']:.1%} |"
            f" {each['named']['value']:.1%} | {each['ours_in_this_format']:.1%} |"
            f" {lead['value']:+.1%} [{lead['low']:+.1%}, {lead['high']:+.1%}] |"
            f" {each['false_alarms']['value']:.1%} |"
        )
    yield ""


def _codes(last: Mapping[str, Any]) -> Iterator[str]:
    yield "## By code\n"
    yield "| code | runs | precision | recall | F1 |\n|---|---|---|---|---|"
    for code, row in last["huohou"]["by_code"].items():
        yield (
            f"| {code} | {row['n']} | {row['precision']:.2f} | {row['recall']:.2f} |"
            f" {row['f1']:.2f} |"
        )
    yield ""


def _formats(last: Mapping[str, Any]) -> Iterator[str]:
    if not last.get("formats"):
        return
    yield "## The same run in other formats\n"
    yield (
        "Beside huohou's own events. A format cannot show what it does not carry: LLaMA-Factory"
        " writes no gradient norm, Hugging Face no time, TensorBoard and CSV no settings.\n"
    )
    yield "| format | the same alarms | named faults named here too |\n|---|---|---|"
    for form, same in last["formats"]["same_alarms"].items():
        yield f"| {form} | {same:.1%} | {last['formats']['named_too'][form]:.1%} |"
    yield ""


def _early(last: Mapping[str, Any]) -> Iterator[str]:
    early = last.get("early")
    if not early or early["median_share"] is None:
        return
    yield "## How early\n"
    yield (
        f"Of {early['fatal']} runs with a fatal fault {early['called']} were called while they ran;"
        f" in the median after {early['median_share']:.0%} of the log,"
        f" {early['median_share_after_onset']:.0%} after the fault set in.\n"
    )


def _repair(last: Mapping[str, Any]) -> Iterator[str]:
    repair = last.get("repair")
    if not repair:
        return
    yield "## Repair\n"
    yield (
        f"{repair['tried']} runs with a fault that a setting cures were trained again with the"
        f" settings of our first advice; {repair['cured']} were sound then, by held-out truth.\n"
    )
    yield "| code | cured | tried |\n|---|---|---|"
    for code, (cured, tried) in repair["by_code"].items():
        yield f"| {code} | {cured} | {tried} |"
    yield ""


def _misses(last: Mapping[str, Any]) -> Iterator[str]:
    yield "## What was missed\n"
    yield "| run | fault | said instead |\n|---|---|---|"
    for miss in last["misses"]:
        yield f"| {miss['id']} | {miss['codes'][0]} | {', '.join(miss['said']) or 'nothing'} |"
    yield "\nFalse alarms:\n"
    for wrong in last["alarms"]:
        yield f"- {wrong['id']} ({wrong['kind']}): {', '.join(wrong['said'])}"
    yield ""


def _history(rows: list[dict[str, Any]]) -> Iterator[str]:
    yield "## All scorings of held halves\n"
    yield (
        "Rules are fitted to the development runs; the logs of a held half are not looked at. The"
        " list of what was missed was read between scorings, so that each later figure of the same"
        " half is a little less blind than the first; a half whose misses were read much has become"
        " part of the development runs.\n"
    )
    yield "| date (UTC) | half | detected | named | macro-F1 | false alarms | runs |"
    yield "|---|---|---|---|---|---|---|"
    for row in rows:
        ours = row["huohou"]
        yield (
            f"| {row['date']} | {HALVES[_split(row)]} | {ours['detected']['value']:.3f} |"
            f" {ours['named']['value']:.3f} | {ours['macro_f1']:.3f} |"
            f" {ours['false_alarms']['value']:.3f} | {row['counts']['runs']} |"
        )


def _split(row: Mapping[str, Any]) -> str:
    """The split a scoring is of; the first ones did not say."""
    return str(row.get("split", "test"))


def at(told: Mapping[str, Any], path: tuple[str, ...]) -> float | None:
    """The figure that stands at a path, None where it was not measured."""
    value: Any = told
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
