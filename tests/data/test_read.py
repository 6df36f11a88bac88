"""Readers: every format and container into the normal form, every fault one clear error."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huohou.data.dataset import Dataset, Message, Row
from huohou.data.formats import formats
from huohou.data.read import read_dataset
from huohou.errors import DataError, HuohouError, UsageError

SHARED = Path(__file__).parents[3] / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="needs the files in ../shared/data")

ASKED = Message("user", "1+1?")
ANSWERED = Message("assistant", "2")


def written(path: Path, rows: list[Any]) -> Path:
    """Rows as JSONL."""
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), "utf-8")
    return path


def one(path: Path, row: dict[str, Any], **options: Any) -> Row:
    """The only row of a JSONL file."""
    return read_dataset(written(path / "rows.jsonl", [row]), **options).rows[0]


@pytest.mark.parametrize("name", [name for name, _ in formats])
def test_every_format_reads_its_own_example(name: str, tmp_path: Path) -> None:
    row = json.loads(formats.get(name).example)
    found = read_dataset(written(tmp_path / "rows.jsonl", [row]))
    assert found.format == name
    assert found.rows[0].messages[-1].role == "assistant"
    assert found.rows[0].answer


def test_messages_with_system_column_and_extra_columns(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}]
    row = one(tmp_path, {"messages": turns, "system": "Be brief.", "id": 7, "meta": {"style": "x"}})
    assert row.messages == (Message("system", "Be brief."), ASKED, ANSWERED)
    assert row.meta == {"id": 7, "style": "x"}
    assert row.line == 1


def test_sharegpt_maps_roles_and_keeps_all_turns(tmp_path: Path) -> None:
    turns = [
        {"from": "system", "value": "S"},
        {"from": "human", "value": "a"},
        {"from": "gpt", "value": "b"},
        {"from": "function_call", "value": "{}"},
        {"from": "observation", "value": "ok"},
        {"from": "gpt", "value": "c"},
    ]
    row = one(tmp_path, {"conversations": turns, "system": "not this"})
    roles = [m.role for m in row.messages]
    assert roles == ["system", "user", "assistant", "assistant", "tool", "assistant"]
    assert (row.system, row.question, row.answer) == ("S", "a", "c")


def test_alpaca_joins_input_and_unrolls_history(tmp_path: Path) -> None:
    row = one(
        tmp_path,
        {
            "instruction": "Add.",
            "input": "1 and 1",
            "output": "2",
            "system": "S",
            "history": [["hi", "hello"]],
        },
    )
    wanted = [
        ("system", "S"),
        ("user", "hi"),
        ("assistant", "hello"),
        ("user", "Add.\n1 and 1"),
        ("assistant", "2"),
    ]
    assert [(m.role, m.content) for m in row.messages] == wanted


def test_prompt_completion_takes_text_or_messages(tmp_path: Path) -> None:
    assert one(tmp_path, {"prompt": "1+1?", "completion": "2"}).messages == (ASKED, ANSWERED)
    listed = {
        "prompt": [{"role": "user", "content": "1+1?"}],
        "completion": [{"role": "assistant", "content": "2"}],
    }
    assert one(tmp_path, listed).messages == (ASKED, ANSWERED)
    assert one(tmp_path, {"问题": "1+1?", "答案": "2"}).messages == (ASKED, ANSWERED)


def test_numbers_are_answers_and_zero_is_one(tmp_path: Path) -> None:
    assert one(tmp_path, {"prompt": "1-1?", "completion": 0}).answer == "0"
    assert one(tmp_path, {"prompt": "half?", "completion": 0.0}).answer == "0.0"


def test_system_goes_only_where_there_is_none(tmp_path: Path) -> None:
    own = {"prompt": "a", "completion": "b", "system": "own"}
    none = {"prompt": "a", "completion": "b"}
    found = read_dataset(written(tmp_path / "rows.jsonl", [own, none]), system="given")
    assert [row.system for row in found] == ["own", "given"]


def test_an_empty_answer_is_read_and_left_to_the_checks(tmp_path: Path) -> None:
    assert one(tmp_path, {"prompt": "a", "completion": ""}).answer == ""


def test_questions_without_answers_where_none_are_wanted(tmp_path: Path) -> None:
    row = one(tmp_path, {"prompt": "1+1?"}, require_answers=False)
    assert row.messages == (ASKED,)


def test_containers_agree(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    rows = [
        {"prompt": "你好，\n世界", "completion": 'say "hi"; ok'},
        {"prompt": "b", "completion": "c"},
    ]
    expected = [row.messages for row in read_dataset(written(tmp_path / "a.jsonl", rows))]
    (tmp_path / "a.json").write_text(json.dumps(rows), "utf-8")
    (tmp_path / "data.json").write_text(json.dumps({"data": rows}), "utf-8")
    written(tmp_path / "lines.json", rows)
    for name, delimiter in (("a.csv", ","), ("b.csv", ";"), ("a.tsv", "\t"), ("c.csv", "|")):
        cells = [["prompt", "completion"], *(list(r.values()) for r in rows)]
        quoted = (['"' + c.replace('"', '""') + '"' for c in line] for line in cells)
        (tmp_path / name).write_text("\n".join(map(delimiter.join, quoted)), "utf-8-sig")
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    for path in sorted(tmp_path.iterdir()):
        assert [row.messages for row in read_dataset(path)] == expected, path.name


def test_lines_are_where_rows_begin(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('prompt,completion\n"two\nlines",x\n\nb,y\n', "utf-8")
    assert [row.line for row in read_dataset(path)] == [2, 5]
    path = tmp_path / "a.jsonl"
    # U+2028 may stand inside a JSON string and ends no line.
    path.write_text('\n{"prompt": "a\u2028b", "completion": "c"}\n', "utf-8")
    assert [row.line for row in read_dataset(path)] == [2]


def test_json_in_a_cell(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    cell = json.dumps([{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}])
    path.write_text('messages\n"' + cell.replace('"', '""') + '"\n', "utf-8")
    assert read_dataset(path).rows[0].messages == (ASKED, ANSWERED)


GOOD = '{"prompt": "a", "completion": "b"}\n'
FAULTS: list[tuple[str, bytes, str]] = [
    ("broken.jsonl", (GOOD + '{"prompt": "a", "comp\n').encode(), "broken.jsonl:2"),
    ("broken.json", b'[\n {"prompt": "a"},\n {"prompt" "b"}]', "broken.json:3"),
    ("list.jsonl", b'[{"prompt": "a", "completion": "b"}]', "Rename it to end in .json"),
    ("object.json", b'{"prompt": "a"}', "a list of rows is wanted"),
    ("utf16.jsonl", GOOD.encode("utf-16"), "iconv -f UTF-16"),
    ("utf16le.jsonl", GOOD.encode("utf-16-le"), "iconv -f UTF-16"),
    ("gbk.csv", "prompt,completion\n你好,世界\n".encode("gbk"), "gbk.csv:2: this is GB18030"),
    ("latin.jsonl", GOOD.encode() + b'{"prompt": "caf\xe9"}\n', "latin.jsonl:2: this is neither"),
    ("empty.jsonl", b"", "there is no row in it"),
    ("blank.jsonl", b"\n\n  \n", "there is no row in it"),
    ("empty.json", b"[]", "there is no row in it"),
    ("empty.csv", b"prompt,completion\n", "there is no row in it"),
    ("bare.jsonl", b'"hello"\n', "bare.jsonl:1: a row is an object"),
    ("none.jsonl", (GOOD + '{"prompt": "what?", "completion": null}\n').encode(), 'none.jsonl:2: a row without an answer ("what?")'),
    ("open.jsonl", b'{"messages": [{"role": "user", "content": "a"}]}', "open.jsonl:1: a row without"),
    ("role.jsonl", b'{"messages": [{"role": "wizard", "content": "a"}]}', "unknown role 'wizard'"),
    ("turns.jsonl", b'{"messages": []}', "messages must be a list of turns"),
    ("turn.jsonl", b'{"messages": ["a"]}', "messages must be a list of turns"),
    ("content.jsonl", b'{"messages": [{"role": "user"}]}', "has no 'content'"),
    ("image.jsonl", b'{"messages": [{"role": "user", "content": [{"type": "image"}]}]}', "messages.content must be text"),
    ("nan.jsonl", b'{"prompt": "a", "completion": NaN}', "completion must be text"),
    ("tools.jsonl", b'{"messages": [{"role": "assistant", "content": null, "tool_calls": [1]}]}', "tool calls"),
    ("half.jsonl", b'{"prompt": "\\ud800", "completion": "b"}', "half a character"),
    ("history.jsonl", b'{"instruction": "a", "output": "b", "history": [["a"]]}', "history must be"),
    ("mixed.jsonl", (GOOD + '{"instruction": "a", "output": "b"}\n').encode(), "mixed.jsonl:2: a row of format alpaca in a file of format prompt_completion"),
    ("odd.jsonl", (GOOD + '{"foo": 1}\n').encode(), "odd.jsonl:2: the columns (foo) do not fit"),
    ("both.jsonl", b'{"messages": [], "conversations": []}', "fit several formats: messages, sharegpt"),
    ("columns.csv", b"name,code\na,1\n", "huohou data make"),
    ("width.csv", b"prompt,completion\na,b,c\n", "width.csv:2: 3 cells"),
    ("quote.csv", b'prompt,completion\na,"b\n', "quote.csv:2: not CSV"),
    ("header.csv", b"prompt,prompt\na,b\n", "header.csv:1: the first line must name"),
    ("deep.json", b"[" * 100_000, "deep.json"),
    ("rows.txt", b"hello", "Give it one of: .jsonl"),
    ("fake.parquet", b"PAR1 not really", "not a readable Parquet file"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "message"), FAULTS, ids=[f[0] for f in FAULTS])
def test_faults_say_what_and_where(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_dataset(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_and_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_dataset(tmp_path / "nothing.jsonl")
    with pytest.raises(DataError, match="is a folder"):
        read_dataset(tmp_path)
    (tmp_path / "folder.parquet").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        read_dataset(tmp_path / "folder.parquet")


def test_unknown_format_names_the_nearest(tmp_path: Path) -> None:
    path = written(tmp_path / "rows.jsonl", [{"prompt": "a", "completion": "b"}])
    with pytest.raises(UsageError, match="Did you mean alpaca"):
        read_dataset(path, format="alpacca")


def _readable(path: Path) -> None:
    try:
        found = read_dataset(path, require_answers=False)
    except DataError as error:
        assert str(error)
    else:
        assert isinstance(found, Dataset)
        assert len(found) > 0


quick = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@quick
@given(content=st.binary(max_size=200), suffix=st.sampled_from(["jsonl", "json", "csv", "parquet"]))
def test_arbitrary_bytes_never_crash(content: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"any.{suffix}"
    path.write_bytes(content)
    _readable(path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "from", "value", "text", "a"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)
COLUMNS = "messages conversations instruction input output history system prompt completion context"
column_names = st.sampled_from([*COLUMNS.split(), "question", "answers", "meta", "other"])


@quick
@given(rows=st.lists(st.dictionaries(column_names, json_values, max_size=4), max_size=3))
def test_arbitrary_rows_never_crash(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    path = tmp_path / "any.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    _readable(path)


@quick
@given(
    turns=st.lists(
        st.tuples(st.sampled_from(["user", "assistant"]), st.text(st.characters(codec="utf-8"))),
        min_size=1,
        max_size=4,
    )
)
def test_what_is_written_is_read_again(turns: list[tuple[str, str]], tmp_path: Path) -> None:
    row = Row(tuple(Message(role, content) for role, content in turns), meta={"style": "full"})
    path = written(tmp_path / "rows.jsonl", [row.as_dict()])
    again = read_dataset(path, require_answers=False).rows[0]
    assert (again.messages, again.meta) == (row.messages, row.meta)


@needs_shared
@pytest.mark.parametrize(
    ("name", "format_", "rows"),
    [
        ("demo_llamafactory/hiyouga__LLaMA-Factory/data/alpaca_en_demo.json", "alpaca", 999),
        ("demo_llamafactory/hiyouga__LLaMA-Factory/data/alpaca_zh_demo.json", "alpaca", 1000),
        ("demo_llamafactory/hiyouga__LLaMA-Factory/data/identity.json", "alpaca", 91),
        ("bank_faq/PolyAI-LDN__task-specific-datasets/banking_data/test.csv", "prompt_completion", 3080),
        ("qa/google-deepmind__xquad/xquad.zh.json", "squad", 1190),
        ("qa/ymcui__cmrc2018/squad-style-data/cmrc2018_trial.json", "squad", 1002),
        ("qa/DRCKnowledgeTeam__DRCD/DRCD_dev.json", "squad", 3524),
    ],
)  # fmt: skip
def test_real_files(name: str, format_: str, rows: int) -> None:
    found = read_dataset(SHARED / name)
    assert (found.format, len(found)) == (format_, rows)
    assert all(row.question.strip() and row.answer.strip() for row in found)


@needs_shared
def test_a_real_file_that_holds_no_rows() -> None:
    path = SHARED / "demo_llamafactory/hiyouga__LLaMA-Factory/data/dataset_info.json"
    with pytest.raises(HuohouError, match="a list of rows is wanted"):
        read_dataset(path)
