"""What breaks parsers: made large on demand, and pieces to put into valid files."""

from collections.abc import Callable

PIECES: tuple[bytes, ...] = (
    *(
    word.encode("utf-8")
    for word in (
        *("NaN", "-Infinity", "1e999", "-1e999", "-0", "0x10", "1_000", "１２", "٣", "1.", ".5", "5/20"),
        *("9" * 30, "9" * 400, "1" + "0" * 5000, "-1", "0." + "0" * 400 + "1", "1e-400"),
        *("{", "}", "[", "]", "{{", "}}", '"', "'", '\\"', "\\", ",", ",,", ":", "::", ";", "\t", "|"),
        *("\r", "\n", "\r\n", "\n\n\n", "\x00", "\x1b[31m", "\x1b]0;title\x07", "\ufeff", "\u2028"),
        *("é", "损失", "😀", "\ud7ff", "%", "100%|██████████| 3/3 [00:01<00:00]", "\r 33%|"),
        *('"loss": ', "'loss': ", '"step": ', '"epoch": ', "loss", "Epoch 1:", "Step 1 | loss:"),
        *('"kind": "metrics"', '"log_history": [', '"total_steps": 5', "Traceback (most recent call last)"),
        *("null", "true", "[]", "{}", '[{"a": 1}]', '""', "- - - - -", "epoch,step,loss\n", "***** Running"),
        *("|---|---|\n", "| 1 | 2 |\n", "```\n", "# ", "**", "准确率 30.0% (15/50)", "预期 loss < 0.3"),
    )),
    *(b"\xff", b"\xc3", b"\x80\x80", b"\xff\xfe", b"\xef\xbb\xbf", b"\xfe\xff\x00{"),
)  # fmt: skip

WHOLE: dict[str, Callable[[int], bytes]] = {
    "nested lists": lambda n: b"[" * n,
    "nested objects": lambda n: b'{"a":' * (n // 5),
    "closed lists": lambda n: b"[" + b"[]," * (n // 3) + b"[]]",
    "small objects": lambda n: b"[" + b"{}," * (n // 3) + b"{}]",
    "rows of one number": lambda n: b"[" + b'{"loss":1},' * (n // 11) + b"{}]",
    "history of nothing": lambda n: b'{"log_history": [' + b"{}," * (n // 3) + b"{}]}",
    "history without end": lambda n: b'{"log_history": [' + b'{"loss": {' * (n // 10),
    "braces": lambda n: b'{"log_history": [{"a": "' + b"}" * n,
    "columns of digits": lambda n: b'{"step":[' + b"1," * (n // 4) + b'1],"loss":[' + b"1," * (n // 4) + b"1]}",
    "one long line": lambda n: b"loss 0.5 step 1 " * (n // 16),
    "one long word": lambda n: b"a" * n,
    "digits": lambda n: b"1" * n,
    "digits and a letter": lambda n: b"step 1" + b"1" * n + b"x",
    "spaces": lambda n: b"loss:" + b" " * n + b"x",
    "lines": lambda n: b"a" + b"\n" * n,
    "line ends": lambda n: b"a" + b"\r" * n,
    "commas": lambda n: b"step,loss\n" + b"," * n,
    "many columns": lambda n: b"step,loss," + b",".join(b"%d" % i for i in range(n // 7)) + b"\n1,2\n",
    "many names": lambda n: b"".join(b'{"step":1,"n%d":1}\n' % i for i in range(n // 22)),
    "other names in each row": lambda n: b"".join(b'{"%d":1,"loss":2}\n' % (i % 3000) for i in range(n // 20)),
    "rows of one cell": lambda n: b"step,loss\n" + b"1,2\n" * (n // 4),
    "steps that go back": lambda n: b"".join(b'{"step":%d,"loss":1}\n' % (i % 2) for i in range(n // 21)),
    "quotes": lambda n: b'step,loss\n"' + b'""' * (n // 2),
    "bars": lambda n: b"\r 33%|   | 1/3 [00:01<00:05, 1it/s]{'loss': 1.0, 'epoch': 1.0}" * (n // 60),
    "dictionaries": lambda n: b"{'loss': 1, 'epoch': 1}\n" * (n // 24),
    "open dictionaries": lambda n: b"{'loss': " * (n // 9),
    "tracebacks": lambda n: b"Traceback (most recent call last):\n  File \"a\"\nE: x\n" * (n // 54),
    "headings": lambda n: b"# Epoch 1 loss 0.5\n" * (n // 19),
    "tables": lambda n: b"| epoch | loss |\n|---|---|\n| 1 | 2 |\n" * (n // 37),
    "pipes": lambda n: b"|" * n,
    "stars": lambda n: b"*" * n,
    "colours": lambda n: b"\x1b[31m" * (n // 5),
    "open titles": lambda n: b"\x1b]" * (n // 2),
    "bad bytes": lambda n: b"\xff" * n,
    "NULs": lambda n: b"\x00" * n,
    "Chinese": lambda n: "第1轮：训练损失为0.5；".encode() * (n // 30),
    "emoji": lambda n: "loss 😀".encode() * (n // 9),
    "epoch lines": lambda n: b"Epoch 1/3: train loss 0.52, val loss 0.60\n" * (n // 42),
    "events": lambda n: b'{"t":1,"seg":0,"kind":"log"}\n' * (n // 29),
    "torn events": lambda n: b'{"t":1,"seg":0,"kind":"log"}\n' + b"{\n" * (n // 2),
}  # fmt: skip
"""Names to files of about so many bytes, some of them text that is valid."""
