"""docs/faultbench.md, written from the recorded scorings of held runs."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.faultbench import supplement
from bench.faultbench.stored import HELD, is_drawn
from bench.faultbench.targets import Goal, goals, repaired

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


def record(told: Mapping[str, Any]) -> None:
    """Add a scoring with its date to the record; none is ever taken away."""
    dated = {"date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"), **told}
    with SCORINGS.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(dated, ensure_ascii=False) + "\n")


def scorings() -> list[dict[str, Any]]:
    """All recorded scorings, the oldest first."""
    return [json.loads(line) for line in SCORINGS.read_text(encoding="utf-8").splitlines()]


def write() -> None:
    """Write the page from the last scoring, with the list of all."""
    PAGE.write_text(words(scorings()), encoding="utf-8")


def words(rows: list[dict[str, Any]]) -> str:
    """The page of the last of these scorings."""
    return "\n".join(_lines([*rows[:-1], supplement.whole(rows[-1])])) + "\n"


def _lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    last = rows[-1]
    counts = last["counts"]
    yield "# FT-FaultBench\n"
    yield (
        "How good the doctor is, measured on real small training runs with planted faults. Written"
        f" by `python -m bench.faultbench --split {split_of(last)}`; how the runs were made is in"
        " [bench/faultbench](../bench/faultbench/README.md). [All documents](index.md)\n"
    )
    yield (
        f"The held half, {HALVES[split_of(last)]}, has {counts['runs']} runs:"
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
    yield "| figure | value | 95 % interval | target | met |\n|---|---|---|---|---|"
    for goal in goals(last):
        target = f"{goal.side} {goal.bound:g}"
        if goal.value is None:
            yield f"| {goal.words} | not measured | | {target} | |"
            continue
        low_high = "{:.3f} to {:.3f}".format(*goal.interval) if goal.interval else ""
        yield f"| {goal.words} | {goal.value:.3f} | {low_high} | {target} | {_met(goal)} |"
    yield ""


def _met(goal: Goal) -> str:
    if not goal.met:
        return "**no**"
    if goal.is_sure:
        return "yes"
    return f"yes, but the interval reaches {'below' if goal.side == 'min' else 'above'} it"


def _intervals(last: Mapping[str, Any]) -> Iterator[str]:
    yield "With exact 95 % intervals (Clopper and Pearson; of none, the rule of three):\n"
    for told, name in (
        ("faults with an alarm", "detected"),
        ("faults named", "named"),
        ("healthy and look-alike runs with a false alarm", "false_alarms"),
        ("of these, healthy runs", "false_alarms_healthy"),
    ):
        found = last["huohou"][name]
        yield (
            f"- {told}: {found['hits']} of {found['n']}, {found['value']:.1%}"
            f" [{found['low']:.1%}, {found['high']:.1%}]"
        )
    precision = last["huohou"]["precision_on_faulty"]
    yield f"- alarms on faulty runs that were true: {precision:.1%}\n"
    yield from _true_alarms(last)


def _true_alarms(last: Mapping[str, Any]) -> Iterator[str]:
    """What is not counted as a false alarm, though it is one on a sound run."""
    found = last["huohou"].get("alarms_at_all")
    if found is None:
        return
    yield (
        "An alarm is a false one where it says nothing that is true of the run. A warning or error"
        f" of any kind had {found['runs']} of the {last['huohou']['false_alarms']['n']} healthy and"
        f" look-alike runs; in {found['true']} of them one was true ({_counts(found['codes'])}),"
        " such as that a sound run was never evaluated. The false alarms of the linters below are"
        " counted in the same way.\n"
    )


def _counts(counted: Mapping[str, int]) -> str:
    """Codes with how often."""
    return ", ".join(f"`{code}` {n}" for code, n in counted.items()) or "none"


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
    rows, accepts = last["huohou"]["by_code"], last["huohou"].get("accepts", {})
    yield "## By code\n"
    yield (
        "A run counts as found when it is named by its own code or by another that names the same"
        f" fault: {len(accepts)} of the {len(rows)} codes accept others. A wrong finding counts"
        " against the code it names, on sound runs and on faulty ones.\n"
    )
    yield "| code | accepts as well | runs | precision | recall | F1 |\n|---|---|---|---|---|---|"
    for code, row in rows.items():
        yield (
            f"| {code} | {', '.join(accepts.get(code, ()))} | {row['n']} |"
            f" {row['precision']:.2f} | {row['recall']:.2f} | {row['f1']:.2f} |"
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
    share = repaired(repair)
    yield "## Repair\n"
    yield (
        f"{share.n} runs with a fault that a setting cures were trained again with the"
        f" settings of our first advice; {share.hits} were sound then, by held-out truth:"
        f" {share.value:.1%} [{share.low:.1%}, {share.high:.1%}].\n"
    )
    yield from _tried(last["counts"]["decidable"], repair)
    yield "| code | cured | tried |\n|---|---|---|"
    for code, (cured, tried) in repair["by_code"].items():
        yield f"| {code} | {cured} | {tried} |"
    yield ""


# Faults of what a run file says of the schedule and of evaluations, where the advice is to say it
# right; a rate is advised as a number that has to be found.
_PLAIN = {"eval-never-runs", "few-evals", "no-eval", "lr-zero", "schedule-mismatch"}
_RATE = {"lr-too-high", "lr-too-low"}


def _tried(decidable: int, repair: Mapping[str, Any]) -> Iterator[str]:
    """Of what kind the faults are that were tried, and how few of all they are."""
    curable = sum(repair.get("curable", {}).values())
    if not curable:
        return
    tried = {code: n for code, (_, n) in repair["by_code"].items()}
    plain = sum(n for code, n in tried.items() if code in _PLAIN)
    rate = sum(n for code, n in tried.items() if code in _RATE)
    kinds = [
        f"{plain} of the {repair['tried']} have an evaluation or a schedule that was set wrongly",
        f"{rate} a learning rate of the wrong size",
    ]
    if other := repair["tried"] - plain - rate:
        kinds.append(f"{other} another fault")
    yield (
        f"Only {curable} of the {decidable} decidable faults of this split are planted in settings"
        f" alone, of which up to {max(tried.values())} of a code are tried; all others are planted"
        " elsewhere, in code, rows, a resume or the model, where no setting cures."
        f" {', '.join(kinds)}: the share says nothing of other faults.\n"
    )


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
    yield "| date (UTC) | half | detected | named | macro-F1 | false alarms | repaired | runs |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in rows:
        ours, repair = row["huohou"], row.get("repair")
        cured = f"{repair['cured']} of {repair['tried']}" if repair else "not tried"
        yield (
            f"| {row['date']} | {HALVES[split_of(row)]} | {ours['detected']['value']:.3f} |"
            f" {ours['named']['value']:.3f} | {ours['macro_f1']:.3f} |"
            f" {ours['false_alarms']['value']:.3f} | {cured} | {row['counts']['runs']} |"
        )


def split_of(row: Mapping[str, Any]) -> str:
    """The split a scoring is of; the first ones did not say."""
    return str(row.get("split", "test"))
