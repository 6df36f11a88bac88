"""``huohou data``: what people see, exit codes, one clear line for bad input."""

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "bank_codes"
BRANCHES = str(EXAMPLE / "branches.csv")
Written = Callable[..., tuple[int, str, str]]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    lines = [
        {"instruction": "where?", "output": "here"},
        {"instruction": "when?", "output": "now"},
        {"instruction": "who?", "output": ""},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


def test_check_prints_findings_and_ends_with_1(huohou: Written, rows: Path) -> None:
    code, out, err = huohou("data", "check", rows)
    assert (code, err) == (1, "")
    assert f"{rows}: 3 rows, format alpaca (found out), sha256 " in out
    assert "error  empty-answer  Empty answers: 1 rows (33%)" in out
    assert f"{rows}:3: who?" in out
    assert "Why: " in out
    assert "Do: Write the answers" in out
    assert "Wanted: a tokenizer: --model NAME." in out
    assert "\x1b" not in out


def test_check_as_json(huohou: Written, rows: Path) -> None:
    code, out, _ = huohou("data", "check", rows, "--eval", rows, "--json")
    found = json.loads(out)
    assert code == 1
    assert found["schema"] == 1
    assert found["source"]["rows"] == found["eval"]["rows"] == 3
    assert found["source"]["guessed"] is True
    assert {f["code"] for f in found["findings"]} == {"empty-answer", "data-overlap"}
    assert {one["code"] for one in found["skipped"]} >= {"missing-eos", "truncated-answer"}
    assert not set(found["ran"]) & {one["code"] for one in found["skipped"]}


def test_good_rows_end_with_0(huohou: Written, tmp_path: Path) -> None:
    path = tmp_path / "good.csv"
    path.write_text("question,answer\nwhere?,here\nwhen?,now\n", "utf-8")
    code, out, _ = huohou("data", "check", path, "--format", "prompt_completion")
    assert code == 0
    assert "Nothing found." in out
    assert "(found out)" not in out


def test_check_with_a_model_and_a_preview(huohou: Written, rows: Path, tmp_path: Path) -> None:
    from tiny import tiny_llama_folder

    model = tiny_llama_folder(tmp_path / "model")
    code, out, _ = huohou("data", "check", rows, "--model", model, "--preview", 1)
    assert code == 1
    assert "⟦here<|im_end|>⟧" in out
    assert "trained between ⟦ ⟧" in out
    assert "a tokenizer" not in out
    code, out, _ = huohou("data", "stats", rows, "--model", model)
    assert code == 0
    assert "trained tokens a row: min 1," in out  # the empty answer trains its end


def test_stats(huohou: Written, rows: Path) -> None:
    code, out, _ = huohou("data", "stats", rows)
    assert code == 0
    assert "  rows: 3" in out
    assert "characters of the answer: min 0, median 3, 95% 4, max 4" in out
    code, out, _ = huohou("data", "stats", rows, "--json")
    found = json.loads(out)
    assert (found["schema"], found["rows"], found["tokens"]) == (1, 3, None)
    assert found["answer"] == {"least": 0, "median": 3, "p95": 4, "most": 4}


def test_make_check_split(huohou: Written, tmp_path: Path) -> None:
    out_dir = tmp_path / "made"
    system = EXAMPLE / "system.txt"
    code, out, err = huohou(
        "data", "make", BRANCHES, "-o", out_dir, "--facts", 30, "--system", f"@{system}"
    )
    assert code == 0
    assert "All 240 codes have 12 digits and the right check digit" in out
    assert f"{out_dir / 'train.jsonl'}: 150 rows" in out
    assert (
        f"Next: huohou data check {out_dir / 'train.jsonl'} --eval {out_dir / 'eval.jsonl'}" in out
    )
    assert err == "Names: column name (guessed).\nValues: column code (guessed).\n"
    before = {path.name: path.read_bytes() for path in out_dir.iterdir()}
    assert set(before) == {"train.jsonl", "eval.jsonl", "test.jsonl"}
    first = json.loads(before["train.jsonl"].split(b"\n")[0])
    assert first["messages"][0] == {"role": "system", "content": system.read_text("utf-8").strip()}

    code, out, _ = huohou(
        "data", "check", out_dir / "train.jsonl", "--eval", out_dir / "eval.jsonl"
    )
    assert code == 0
    assert "repeated-system-prompt" in out

    code, _, err = huohou("data", "make", BRANCHES, "-o", out_dir)
    assert code == 2
    assert "is there already" in err
    assert {path.name: path.read_bytes() for path in out_dir.iterdir()} == before

    code, out, _ = huohou(
        "data", "make", BRANCHES, "-o", tmp_path / "all.jsonl", "--wordings", 6, "--json"
    )
    made = json.loads(out)
    assert (code, made["schema"], made["facts"], made["language"]) == (0, 1, 240, "zh")
    assert list(made["files"]) == [str(tmp_path / "all.jsonl")]
    split_dir = tmp_path / "split"
    code, out, _ = huohou("data", "split", tmp_path / "all.jsonl", "-o", split_dir)
    assert code == 0
    assert "Split by wording" in out
    counts = [
        len((split_dir / f"{p}.jsonl").read_text("utf-8").splitlines())
        for p in ("train", "eval", "test")
    ]
    assert sum(counts) == made["files"][str(tmp_path / "all.jsonl")]
    code, _, err = huohou("data", "split", tmp_path / "all.jsonl", "-o", split_dir)
    assert code == 2
    assert "--force" in err
    assert huohou("data", "split", tmp_path / "all.jsonl", "-o", split_dir, "--force")[0] == 0


def test_make_is_the_same_for_a_seed(huohou: Written, tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        huohou("data", "make", BRANCHES, "-o", tmp_path / name, "--facts", 10, "--seed", seed)
    text = {n: (tmp_path / n / "train.jsonl").read_text("utf-8") for n in "abc"}
    assert text["a"] == text["b"] != text["c"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


GOOD = '{"prompt": "a", "completion": "b"}\n'


@pytest.mark.parametrize(
    ("command", "content", "message"),
    [
        ("check rows.jsonl", None, "no such file"),
        ("check .", None, "is a folder"),
        ("check rows.jsonl", GOOD + "{broken\n", "rows.jsonl:2: not JSON"),
        ("check rows.jsonl", GOOD.encode("utf-16"), "not UTF-8"),
        ("check rows.jsonl", "", "there is no row in it"),
        ("check rows.jsonl", '{"prompt": "a", "completion": null}', "a row without an answer"),
        ("check rows.jsonl --format wat", GOOD, "there is no 'wat'"),
        ("check rows.jsonl --model ./nowhere", GOOD, "nowhere"),
        ("check rows.jsonl --preview 1", GOOD, "--model NAME"),
        ("stats rows.jsonl", "{broken", "rows.jsonl:1: not JSON"),
        ("split rows.jsonl -o out", GOOD, "None of the 1 rows"),
        ("split rows.jsonl -o out --by id", GOOD, "no column 'id'"),
        ("split rows.jsonl -o out --eval 2", GOOD, "--eval 2"),
        ("make table.csv -o out", "name,code\na,40253551093\n", "table.csv:2: code '40253551093' has 11 digits"),
        ("make table.csv -o out --key nam", "name,code\na,1\n", "Nearest: name"),
        ("make table.csv -o out --facts 9", "name,code\na,1\n", "from 1 to 1 are there"),
        ("make table.csv -o out --system @none", "name,code\na,1\n", "no such file"),
        ("make none.db:branches -o out", None, "no such file"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line_and_2(
    command: str,
    content: str | bytes | None,
    message: str,
    huohou: Written,
    here: Path,
) -> None:
    if content is not None:
        raw = content.encode() if isinstance(content, str) else content
        (here / command.split()[1]).write_bytes(raw)
    code, out, err = huohou("data", *command.split())
    assert (code, out) == (2, "")
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    assert message in err
    assert not (here / "out").exists()


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    def small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    command = [
        sys.executable,
        "-m",
        "huohou",
        "data",
        "make",
        BRANCHES,
        "-o",
        str(tmp_path / "out"),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, preexec_fn=small_files_only
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("Error: ") == 1
    assert "cannot be written" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"PAR1")
    code = f"""
import sys
sys.modules["pyarrow"] = None
from huohou.cli.main import run
sys.exit(run(["data", "check", {str(path)!r}]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install -c constraints.txt '.[train]'" in done.stderr


def test_check_imports_no_training_stack(rows: Path) -> None:
    code = f"""
import sys
from huohou.cli.main import run
run(["data", "check", {str(rows)!r}])
heavy = {{"torch", "transformers", "pyarrow", "sqlalchemy"}} & set(sys.modules)
sys.exit(f"imported: {{heavy}}" if heavy else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_everything_is_said_in_chinese_too(huohou: Written, rows: Path, tmp_path: Path) -> None:
    code, out, _ = huohou("--lang", "zh", "data", "check", rows)
    assert code == 1
    assert "错误  empty-answer  回答为空：1 条（33%）" in out
    _, out, _ = huohou(
        "--lang", "zh", "data", "make", BRANCHES, "-o", tmp_path / "zh", "--facts", 5
    )
    assert "校验位全部正确" in out
    code, _, err = huohou("--lang", "zh", "data", "check", tmp_path / "none.jsonl")
    assert (code, err) == (2, f"错误：{tmp_path / 'none.jsonl'}：没有这个文件。\n")
