"""The page's arithmetic: smoothing, buckets, axes, lines. The modules run in Node as they are."""

import json
import math
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from huohou.web import app

MODULES = (
    *("smooth", "series", "axis", "lines", "view", "source", "export"),
    *("findings", "job_plan", "head", "logs", "kinds", "annotations", "drawn"),
)
# `m` holds the modules, `given` what the test gave. Modules that also speak need a document.
RUN = """globalThis.document = { getElementById: () => null, documentElement: { lang: "en" } };
const m = {};
for (const name of %s) m[name] = await import(`./${name}.js`);
const given = JSON.parse((await import("node:fs")).readFileSync(0, "utf8"));
const words = (_, v) => typeof v === "number" && !Number.isFinite(v) ? String(v) : v;
console.log(JSON.stringify(await (async () => { %s })(), words) ?? "null");
"""

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def js(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run the body of a function in Node; NaN and infinities come back as words."""
    from playwright._impl._driver import compute_driver_executable

    node = shutil.which("node") or compute_driver_executable()[0]
    place = tmp_path_factory.mktemp("js")
    (place / "package.json").write_text('{"type": "module"}')
    for script in (app.STATIC / "js").glob("*.js"):
        shutil.copy(script, place)

    def run(body: str, given: Any = None) -> Any:
        script = place / "run.js"
        script.write_text(RUN % (json.dumps(MODULES), body), encoding="utf-8")
        told = json.dumps(given)
        done = subprocess.run(
            [node, str(script)], input=told, capture_output=True, text=True, check=False, cwd=place
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def points(values: list[Any], first: int = 1, seg: int = 0) -> dict[str, Any]:
    """A series as the server sends one whose buckets are single points."""
    count = len(values)
    return {
        **{"seg": [seg] * count, "step": [first + i for i in range(count)], "last": values},
        **{"min": None, "max": None, "mean": values, "n": [1] * count},
        "nans": [int(value == "NaN") for value in values],
    }


def grouped(values: list[float], size: int, first: int = 1) -> dict[str, Any]:
    """A series as the server sends one with `size` points in each bucket."""
    parts = [values[i : i + size] for i in range(0, len(values), size)]
    ends = [first - 1 + min((i + 1) * size, len(values)) for i in range(len(parts))]
    return {
        **{"seg": [0] * len(parts), "step": ends, "last": [part[-1] for part in parts]},
        **{"min": [min(part) for part in parts], "max": [max(part) for part in parts]},
        "mean": [sum(part) / len(part) for part in parts],
        **{"n": [len(part) for part in parts], "nans": [0] * len(parts)},
    }


def several(*lives: dict[str, Any]) -> dict[str, Any]:
    """Segments after one another."""
    names = ("seg", "step", "last", "mean", "n", "nans")
    columns = {name: [value for life in lives for value in life[name]] for name in names}
    return columns | {"min": None, "max": None}


def trembling(count: int) -> list[float]:
    """A loss as it falls."""
    return [
        math.exp(-i / 2000) + 0.2 * math.sin(i * 1.7) + 0.1 * math.cos(i * 0.37)
        for i in range(count)
    ]


def ema(values: list[float], strength: float, whole: int) -> list[float]:
    """The definition: weights w^(distance / range * 1000), divided by their sum."""
    kept, total, weight, found = min(math.sqrt(strength), 0.999), 0.0, 0.0, []
    for value in values:
        fade = kept ** (1000 / whole)
        total, weight = total * fade + value, weight * fade + 1
        found.append(total / weight)
    return found


SMOOTH = "return Array.from(m.smooth.smooth(given.b, given.strength, given.range) ?? []);"


def test_smoothing_is_the_definition(js: Run) -> None:
    values = trembling(300)
    given = {"b": points(values), "strength": 0.9, "range": 300}
    assert js(SMOOTH, given) == pytest.approx(ema(values, 0.9, 300))


def test_every_point_counts_in_the_smoothed_curve_of_buckets(js: Run) -> None:
    """60 buckets give what their 6,000 points give at the same steps."""
    values = trembling(6000)
    given = {"b": grouped(values, 100), "strength": 0.98, "range": 6000}
    assert js(SMOOTH, given) == pytest.approx(ema(values, 0.98, 6000)[99::100], abs=0.012)


def test_smoothing_looks_back_only(js: Run) -> None:
    values = trembling(400)
    whole, part = (
        js(SMOOTH, {"b": points(row), "strength": 0.9, "range": 400})
        for row in (values, values[:250])
    )
    assert whole[:250] == pytest.approx(part)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0], ["NaN", 1.0, 2.0, "NaN"]])
def test_two_points_are_not_smoothed(js: Run, values: list[Any]) -> None:
    assert js(SMOOTH, {"b": points(values), "strength": 0.9, "range": 10}) == []


def test_what_is_no_number_does_not_spoil_a_smoothed_curve(js: Run) -> None:
    told = {"b": points([1.0, "NaN", 1.0, "Infinity", 1.0, 1.0]), "strength": 0.9, "range": 6}
    body = "const b = new m.series.Buckets().load(given.b); return Array.from(m.smooth.smooth(b, given.strength, given.range));"
    assert js(body, told) == pytest.approx([1.0] * 6)


def test_a_resumed_life_goes_on_from_the_smoothed_value_at_its_checkpoint(js: Run) -> None:
    values = trembling(200)
    lives = several(points(values[:120]), points(values[100:], 101, seg=1))
    found = js(SMOOTH, {"b": lives, "strength": 0.9, "range": 200})
    assert found[120:] == pytest.approx(ema(values, 0.9, 200)[100:])


def test_the_range_of_a_run_without_a_plan_moves_by_doublings(js: Run) -> None:
    body = "return given.map(([planned, last]) => m.smooth.wholeRange(planned, last));"
    told = [[1000, 5], [None, 5], [None, 8], [None, 9], [10, 50], [None, 0]]
    assert js(body, told) == [1000, 8, 8, 16, 64, 1]


LINES = """const { Buckets } = m.series;
const about = { name: "loss", label: "loss", color: "--curve-1", kind: "train", smoothable: true };
const how = { strength: 0.9, range: given.range ?? 4000, joined: Boolean(given.joined), x: (seg, step) => step };
const lineOf = (raw, lead) => m.lines.line(about, new Buckets().load(raw), { ...how, lead: lead ? new Buckets().load(lead) : null });
"""


def test_zooming_does_not_change_the_smoothed_curve(js: Run) -> None:
    values = trembling(4000)
    given = {
        **{"whole": points(values), "part": points(values[2000:2500], 2001)},
        "lead": grouped(values[1500:2000], 10, 1501),
    }
    body = (
        "return [lineOf(given.whole), lineOf(given.part, given.lead)].map((l) => [...l.smoothed]);"
    )
    whole, part = js(LINES + body, given)
    assert len(part) == 500
    assert part == pytest.approx(whole[2000:2500], abs=0.002)


def test_points_that_come_live_are_what_the_server_would_have_sent(js: Run) -> None:
    """However many come, all are in some bucket: their number, least, greatest and mean stay."""
    values = trembling(5000)
    body = """const b = new m.series.Buckets(100);
    given.forEach((value, i) => b.add({ name: "loss", seg: 0, step: i + 1, value }));
    const sum = b.mean.reduce((all, mean, i) => all + mean * b.n[i], 0);
    return [b.length, b.points, b.n.reduce((x, y) => x + y), Math.min(...b.min), Math.max(...b.max), sum, b.step.at(-1), b.last.at(-1)];"""
    length, count, together, low, high, total, step, last = js(body, values)
    assert 50 <= length <= 150
    assert (count, together, step, last) == (5000, 5000, 5000, values[-1])
    assert (low, high) == (min(values), max(values))
    assert total == pytest.approx(sum(values))


def test_what_is_no_number_is_kept_and_counted(js: Run) -> None:
    told = points([1.0, "NaN", "Infinity", "-Infinity", 0.0])
    body = (
        "const b = new m.series.Buckets().load(given); return [b.last, b.nans, b.points, b.lost];"
    )
    assert js(body, told) == [
        [1, "NaN", "Infinity", "-Infinity", 0],
        [0, 1, 0, 0, 0],
        5,
        3,
    ]


def test_a_gap_is_drawn_where_a_value_is_no_number(js: Run) -> None:
    body = "const a = m.lines.aligned([lineOf(given.raw)]); return [a.x, a.columns[0], a.strokes[0].lonely];"
    x, raw, lonely = js(LINES + body, {"raw": points([1.0, 2.0, "NaN", 3.0, "NaN"]), "range": 5})
    assert (x, raw) == ([1, 2, 3, 4, 5], [1, 2, None, 3, None])
    assert lonely == [3]  # a point between two gaps has no line: it is drawn as a dot


def test_what_a_resume_left_behind_is_a_line_of_its_own(js: Run) -> None:
    lives = several(points([1.0] * 45), points([2.0] * 40, 41, seg=1))
    body = "return lineOf(given.raw).tracks.map((track) => track.x);"
    now, before = js(LINES + body, {"raw": lives, "range": 80})
    assert now == list(range(1, 81))
    assert before == [41, 42, 43, 44, 45]


def test_lives_that_begin_anew_lie_over_one_another(js: Run) -> None:
    lives = several(*(points([3.7, 2.0, 1.0], seg=seg) for seg in range(3)))
    body = "return lineOf(given.raw).tracks.map((track) => track.at);"
    assert js(LINES + body, {"raw": lives, "range": 3}) == [[6, 7, 8], [0, 1, 2], [3, 4, 5]]


def test_on_an_axis_of_time_nothing_lies_over_anything(js: Run) -> None:
    lives = several(points([1.0] * 5), points([2.0] * 5, 3, seg=1))
    assert len(js(LINES + "return lineOf(given.raw).tracks", {"raw": lives, "joined": True})) == 1


def test_the_axis_leaves_spikes_out_only_where_that_is_asked_for(js: Run) -> None:
    values = [1 + i / 1000 for i in range(500)]
    values[250] = 90.0
    body = """const lines = [lineOf(given.raw)];
    return [false, true].map((clip) => m.lines.reachOfY(lines, [1, 500], { log: false, clip })[1]);"""
    whole, cut = js(LINES + body, {"raw": points(values), "range": 500})
    assert whole > 90
    assert 1.49 < cut < 1.7


CLOCK = """const c = new m.axis.Clock(); c.load(given.knots);
"""


def test_axes(js: Run) -> None:
    """Two lives of ten seconds with a pause of an hour: time leaves the pause out."""
    knots = {
        **{"seg": [0, 0, 1, 1], "step": [0, 100, 100, 200]},
        **{"t": [1000, 1010, 4610, 4620], "epoch": [0, 1, 1, 2]},
    }
    body = """return [c.x("epoch", 0, 50), c.x("time", 0, 50), c.x("time", 1, 150), c.x("wall", 1, 150),
      c.step("time", 15), c.step("epoch", 1.5), c.has("wall")];"""
    assert js(CLOCK + body, {"knots": knots}) == pytest.approx([0.5, 5, 15, 4615, 150, 150, True])


def test_a_log_without_times_has_no_axis_of_time(js: Run) -> None:
    knots = {"seg": [0, 0], "step": [1, 9], "t": [None, None], "epoch": [0.1, 1]}
    body = 'return [c.has("time"), c.has("epoch"), c.has("step"), c.x("wall", 0, 3)];'
    assert js(CLOCK + body, {"knots": knots}) == [False, True, True, "NaN"]


def test_the_view_stands_in_the_address(js: Run) -> None:
    body = """const view = m.view.read(new URLSearchParams(given));
    return [view, m.view.write(view, new URLSearchParams("other=1")).toString()];"""
    view, back = js(body, "x=epoch&smooth=0.9&log=1&clip=1&zoom=100-250")
    assert view == {"axis": "epoch", "smooth": 0.9, "log": True, "clip": True, "zoom": [100, 250]}
    assert back == "other=1&x=epoch&smooth=0.9&log=1&clip=1&zoom=100-250"


@pytest.mark.parametrize("query", ["x=<b>&smooth=7&zoom=9-3", "smooth=&zoom=-", "x=&zoom=1e9-x"])
def test_a_senseless_address_shows_the_usual_view(js: Run, query: str) -> None:
    body = "return m.view.read(new URLSearchParams(given), { axis: 'none', smooth: 9 });"
    assert js(body, query) == js("return m.view.USUAL")


# Answers and messages of the stream: each point is there once, in whatever order they come.

SOURCE = """const answers = []; // what the server will say, in order
const ask = async () => answers.shift();
const source = new m.source.Source(ask, 600);
const answer = (count, to) => ({ cursor: `${to}.0`, total: { loss: count }, series: { loss: { seg: Array(count).fill(0), step: [...Array(count).keys()].map((i) => i + 1), last: Array(count).fill(1) } } });
const message = (from, to) => [...Array(to - from).keys()].map((i) => ({ name: "loss", seg: 0, step: from + i + 1, value: 1 }));
const told = () => { const { shown } = source.shown("loss"); return [shown.step, source.totals.get("loss")]; };
"""  # a point a byte


def test_points_after_an_answer(js: Run) -> None:
    body = """answers.push(answer(3, 3)); await source.load(["loss"]);
    source.take(message(3, 5), "5.0"); source.take(message(5, 6), "6.0"); return told();"""
    assert js(SOURCE + body) == [[1, 2, 3, 4, 5, 6], 6]


def test_an_answer_that_comes_after_its_points(js: Run) -> None:
    """A chart that scrolls into sight late: what the stream had told already is in the answer."""
    body = """source.start("0.0"); source.take(message(0, 4), "4.0"); source.take(message(4, 9), "9.0");
    answers.push(answer(4, 4)); await source.load(["loss"]);
    source.take(message(9, 10), "10.0"); return told();"""
    assert js(SOURCE + body) == [list(range(1, 11)), 10]


def test_an_answer_that_holds_more_than_the_stream_has_told(js: Run) -> None:
    body = """source.start("0.0"); answers.push(answer(6, 6)); await source.load(["loss"]);
    source.take(message(0, 4), "4.0"); source.take(message(4, 8), "8.0"); return told();"""
    assert js(SOURCE + body) == [list(range(1, 9)), 8]


def test_a_zoomed_part_takes_only_its_own_points(js: Run) -> None:
    body = """answers.push(answer(5, 5)); await source.load(["loss"]);
    answers.push(answer(5, 5)); await source.zoom(["loss"], 0, 7, 0);
    source.take(message(5, 10), "10.0");
    return [source.shown("loss").shown.step.at(-1), source.whole.get("loss").buckets.end];"""
    assert js(SOURCE + body) == [7, 10]


HELD = """const held = []; // answers to be let go
const hold = (of) => (source.ask = (_, part) => new Promise((done) => held.push(() => done(of(part)))));
"""


def test_of_two_parts_the_one_that_was_asked_for_last_is_shown(js: Run) -> None:
    body = """answers.push(answer(9, 9)); await source.load(["loss"]);
    hold(({ hi }) => answer(hi, 9));
    const asked = [source.zoom(["loss"], 0, 7, 0), source.zoom(["loss"], 0, 3, 0)];
    held[1](); held[0](); await Promise.all(asked);
    return source.shown("loss").shown.step.at(-1);"""
    assert js(SOURCE + HELD + body) == 3


def test_a_part_that_comes_after_all_is_shown_again_is_left_aside(js: Run) -> None:
    body = """answers.push(answer(9, 9)); await source.load(["loss"]);
    hold(({ hi }) => answer(hi, 9));
    const asked = source.zoom(["loss"], 0, 3, 0);
    source.unzoom(); held[0](); await asked;
    return source.shown("loss").shown.step.at(-1);"""
    assert js(SOURCE + HELD + body) == 9


def test_what_was_asked_of_files_that_are_others_now_is_left_aside(js: Run) -> None:
    body = """hold(() => answer(5, 5)); const asked = source.load(["loss"]);
    source.forget(); held[0](); await asked;
    return [source.shown("loss"), source.cursor ?? null];"""
    assert js(SOURCE + HELD + body) == [None, None]


def test_an_unknown_series_is_told(js: Run) -> None:
    body = 'source.start("0.0"); return [...source.take(message(0, 1), "1.0")];'
    assert js(SOURCE + body) == ["loss"]


DRAWN = """const scene = (to, version) => ({ view, version, span: [0, to], source, clock: { x: (axis, seg, step) => step } });
const view = {}, about = [{ name: "loss", kind: "train" }];
source.start("0.0"); answers.push(answer(10000, 10000)); await source.load(["loss"]);
const { line } = m.lines, how = { strength: 0, range: 10000, joined: false, x: (seg, step) => step };
const drawn = new m.drawn.Drawn(scene(10000, 1), [line({ name: "loss", kind: "train", smoothable: false }, source.shown("loss").shown, how)], [0, 2], 0);
const add = (value, step) => source.take([{ name: "loss", seg: 0, step, value }], `${step}.0`);
"""


def test_a_long_run_is_drawn_only_when_that_shows_anything(js: Run) -> None:
    """A chart of 1,000 pixels shows 10,000 steps: one more is a tenth of a pixel."""
    body = """const found = [];
    add(1, 10001); found.push(drawn.isSame(scene(10001, 1), about, 1000, 10));
    found.push(drawn.isSame(scene(10001, 2), about, 1000, 10)); // a finding came
    found.push(drawn.isSame(scene(10001, 1), about, 1000, 20000)); // long ago
    add(9, 10002); found.push(drawn.isSame(scene(10002, 1), about, 1000, 10)); // out of the picture
    add(1, 10003); for (let step = 10004; step < 10010; step++) add(1, step);
    found.push(drawn.isSame(scene(10009, 1), about, 1000, 10)); // it has moved
    return found;"""
    assert js(SOURCE + DRAWN + body) == [True, False, False, False, False]


# Words of others in files and commands


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-x", "'-x"),
        ("@a", "'@a"),
        (" =a", "' =a"),
        ("\t=a", "'\t=a"),
        ('a"b', '"a""b"'),
        ("a,b", '"a,b"'),
        (-1.5, "-1.5"),
        ("loss", "loss"),
        (None, ""),
    ],
)
def test_a_cell_of_csv_is_no_formula(js: Run, value: Any, cell: str) -> None:
    assert js("return m.export.cell(given)", value) == cell


def test_settings_of_an_advice_as_lines_of_a_run_file(js: Run) -> None:
    told = {"train.learning_rate": 1e-4, "train.num_epochs": 3, "name": "x"}
    body = "return m.findings.asRunFile(given)"
    assert js(body, told) == 'name: "x"\ntrain:\n  learning_rate: 0.0001\n  num_epochs: 3'


def test_where_a_finding_lies(js: Run) -> None:
    body = "return given.map((evidence) => m.findings.steps({ evidence }, 100))"
    told: list[Any] = [[], [{"step": 40}], [{"step": 60}, {"step": None}, {"step": 20}]]
    assert js(body, told) == [None, [40, 100], [20, 60]]


def test_a_plan_as_a_command_survives_the_shell(js: Run, tmp_path: Path) -> None:
    plan = {
        **{"name": "it's $HOME", "recipe": "sft", "model": "tiny", "eval": None},
        "train": {"path": "a b.jsonl", "format": "messages"},
        "settings": {
            "train.num_epochs": {"value": 3, "source": "run.yaml"},
            "train.batch_size": {"value": 16, "source": "default"},
            "lora.target": {"value": ["q", "v"], "source": "flag"},
        },
    }
    command = js("return m.job_plan.asCommand(given)", plan)
    shell = ["sh", "-c", command.replace("huohou train", "printf '%s\\n'")]
    words = subprocess.run(shell, capture_output=True, text=True, check=True).stdout.splitlines()
    assert words[1::2] == [
        "name=it's $HOME",
        "recipe=sft",
        "model=tiny",
        "data.train=a b.jsonl",
        "data.format=messages",
        "train.num_epochs=3",
        'lora.target=["q","v"]',
    ]


def test_settings_typed_for_a_branch(js: Run) -> None:
    text = "train.learning_rate: 1e-4\n\nname = it\nlora.rank:8\nnonsense"
    found = js("return m.head.settingsOf(given)", text)
    assert found == {"train.learning_rate": 1e-4, "name": "it", "lora.rank": 8}


def test_charts_of_a_job(js: Run) -> None:
    names = [
        "tokens_per_second",
        "eval_loss",
        "eval_mrr@10",
        "eval_accuracy@1",
        "gpu_memory",
        "own",
    ]
    names += ["loss", "learning_rate", "eval_answer_accuracy", "pos_sim", "neg_sim", "grad_norm"]
    found = js("return m.kinds.groups(given)", names)
    assert [one["id"] for one in found] == [
        *("loss", "accuracy", "ranking", "learning_rate", "grad_norm", "tokens_per_second"),
        *("similarity", "own", "gpu_memory"),
    ]
    assert found[0]["names"] == ["loss", "eval_loss"]
    assert [one["id"] for one in found if one["system"]] == ["gpu_memory"]


def test_a_line_of_the_log_by_how_it_sounds(js: Run) -> None:
    told = ["RuntimeError: CUDA error", "UserWarning: x", "loss 1.2", "错误：没有文件"]
    assert js("return given.map(m.logs.gravity)", told) == ["error", "warning", "", "error"]
