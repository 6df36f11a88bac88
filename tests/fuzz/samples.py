"""A small valid file of every format that is read, by the name of its reader."""

import gzip
import json
from pathlib import Path

BINARY = Path(__file__).parents[1] / "readers" / "samples"

Sample = tuple[str, bytes]
"""What the file is called, and what is in it."""


def _jsonl(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


_LOGGED = [
    {"step": 10, "epoch": 0.5, "loss": 2.5, "learning_rate": 1e-4, "grad_norm": 1.5},
    {"step": 10, "epoch": 0.5, "eval_loss": 2.4},
    {"step": 20, "epoch": 1.0, "loss": float("nan"), "learning_rate": 5e-5, "grad_norm": 0.5},
]
_ENDED = {"step": 20, "train_runtime": 12.5, "train_loss": 2.25}
_STATE = {
    "best_global_step": 10,
    "best_model_checkpoint": "out/checkpoint-10",
    "global_step": 20,
    "max_steps": 20,
    "num_train_epochs": 1,
    "log_history": [*_LOGGED, _ENDED, {"step": 20, "eval_loss": 2.3}],
    "trial_params": {"a": [1, {"b": "}"}]},
}
_EVENTS = [
    {"t": 1.0, "seg": 0, "kind": "start", "updates": 20, "facts": {"rows": 40}, "notes": ["a"]},
    {"t": 2.0, "seg": 0, "kind": "metrics", "step": 10, "epoch": 0.5, "loss": 2.5},
    {"t": 3.0, "seg": 0, "kind": "eval", "step": 10, "epoch": 0.5, "eval_loss": "NaN"},
    {"t": 3.0, "seg": 0, "kind": "checkpoint", "step": 10, "path": "checkpoints/checkpoint-10"},
    {"t": 4.0, "seg": 1, "kind": "metrics", "step": 15, "epoch": 0.7, "loss": 2.0},
    {"t": 5.0, "seg": 1, "kind": "end", "state": "completed"},
]
_FACTORY = [
    {"current_steps": 10, "total_steps": 20, "loss": 2.5, "lr": 1e-4, "epoch": 0.5,
     "percentage": 50.0, "elapsed_time": "0:01:00", "remaining_time": "0:01:00"},
    {"current_steps": 20, "total_steps": 20, "eval_loss": 2.4, "epoch": 1.0,
     "percentage": 100.0, "elapsed_time": "1 day, 0:01:00", "remaining_time": "0:00:00"},
    {"current_steps": 5, "total_steps": 20, "loss": 2.6, "lr": 1e-4, "epoch": 0.3,
     "elapsed_time": "0:00:30"},
]  # fmt: skip
_SWIFT = [
    {"loss": 2.5, "token_acc": 0.5, "epoch": 0.5, "global_step/max_steps": "10/20",
     "percentage": "50.00%", "elapsed_time": "1m 1s", "memory(GiB)": 3.8},
    {"eval_loss": 2.4, "epoch": 1.0, "global_step/max_steps": "20/20", "elapsed_time": "2m 0s"},
    {"train_dataset": "112.5±30.2, min=12, max=900, size=450", "best_metric": 1.25,
     "best_model_checkpoint": "/out/checkpoint-20", "log_history": [{"loss": 9.9}]},
]  # fmt: skip
_RESULTS = {"epoch": 3.0, "train_loss": 1.5, "train_runtime": 12.5, "predict_bleu-4": 45.1}

_TEXTS: dict[str, tuple[str, str]] = {
    "huohou-run": ("events.jsonl", _jsonl(*_EVENTS)),
    "ms-swift": ("logging.jsonl", _jsonl(*_SWIFT)),
    "llamafactory": ("trainer_log.jsonl", _jsonl(*_FACTORY)),
    "trainer-state": ("trainer_state.json", json.dumps(_STATE, indent=2)),
    "sentence-transformers": (
        "similarity_evaluation_dev_results.csv",
        "epoch,steps,cosine_pearson,cosine_spearman\n0.5,10,0.71,0.72\n1.0,20,0.75,0.76\n-1,-1,0.7,0.7\n",
    ),
    "nanochat": (
        "a.txt",
        "Step 00000 | Validation bpb: 3.3084\n"
        "step 00001/00200 (0.50%) | loss: 5.471677 | lrm: 1.00 | dt: 5.71ms | epoch: 1\n"
        "step 00002/00200 (1.00%) | loss: nan | lrm: 0.90 | dt: 5.71ms | epoch: 1\n",
    ),
    "keras": ("log.csv", "epoch,accuracy,loss,val_loss\n0,0.5,2.5,2.4\n1,0.6,2.0,NA\n"),
    "lightning": (
        "metrics.csv",
        "epoch,lr-AdamW,step,train_loss_epoch,train_loss_step,val_loss\n0,,9,,2.5,\n0,1e-4,9,2.6,,2.4\n",
    ),
    "llm.c": (
        "main.log",
        "| vocab_size V          | 50257            |\nval loss 11.009277\n"
        "step    1/60 | loss 11.009 (+nanz)| norm 15.37 (+nanz)| lr 8.57e-07 | 12 ms | 58 tok/s\n"
        "s:0 tel:11.0092\ns:0 trl:11.0091 lr:0.000001 norm:15.37\ns:250 eval:0.2573\n",
    ),
    "modded-nanogpt": (
        "b.txt",
        "step:0/300 val_loss:10.8258 train_time:0ms step_avg:nanms\n"
        "step:10/300, tokens seen:4.72M, avg_train_loss:2.9974 time:47/nans step_avg:nanms\n"
        "step:125/300 train_loss:3.5 train_time:76628ms step_avg:613.02ms\n",
    ),
    "nanogpt": (
        "c.txt",
        "Overriding: max_iters = 250\nfound vocab_size = 65 (inside data/meta.pkl)\n"
        "step 0: train loss 4.2874, val loss 4.2823\n"
        "iter 0: loss 4.2639, time 25857.56ms, mfu -100.00%\n"
        "iter 10: loss nan, time 5.56ms, mfu 13.70%\n",
    ),
    "results": ("all_results.json", json.dumps(_RESULTS, indent=4)),
    "torchtune": (
        "log_1.txt",
        "Step 1 | loss:1.9 lr:0.0003 tokens_per_second_per_gpu:812.3 grad_norm:0.8 \n"
        "Step 2 | loss:nan lr:0.0003 \n\r1|3|Loss: 1.52:   1%| | 3/99 [00:01<01:00]",
    ),
    "wandb-csv": (
        "export.csv",
        '"Step","a - loss","a - loss__MIN","a - loss__MAX","b - loss"\n"4","12.1","12.1","12.1",""\n'
        '"8","11.5","11.5","11.5","3"\n',
    ),
    "console": (
        "train.log",
        "***** Running training *****\n  Num examples = 1,000\n  Total optimization steps = 90\n"
        "\r 33%|███       | 30/90 [00:01<00:05, 13.0it/s]"
        "{'loss': 3.63, 'grad_norm': nan, 'learning_rate': 5e-05, 'epoch': 1.0}\n"
        "{'eval_loss': '2.9', 'eval_runtime': '1.5', 'epoch': '1.0'}\n"
        "***** train metrics *****\n  train_loss = 2.5\n"
        "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n"
        "torch.OutOfMemoryError: CUDA out of memory.\n",
    ),
    "jsonl": ("metrics.jsonl", _jsonl(*_LOGGED)),
    "csv": ("losses.csv", "iter;train_loss;val_loss;lr;note\r\n0;4,2;4.1;1e-5;\r\n10;2.5;;1e-3;x\r\n20;2.0;inf;1e-4;\r\n"),
    "epoch-lines": (
        "train.txt",
        "Epoch 1/3: train loss 0.52, val loss 0.60, acc 0.7\n"
        "Epoch 2/3: train loss 0.41, val loss 0.55, acc 0.8\n"
        "Epoch 3/3: train loss nan, val loss 0.50, acc 0.8\n",
    ),
    "json": ("history.json", json.dumps({"iters": [0, 1, 2], "losses": [3.0, 2.5, 2.0], "m": {"a": []}})),
    "text-log": (
        "output.log",
        "loading the model\nTraceback (most recent call last):\n  File \"a.py\", line 1, in f\n"
        "    f(1)\nRuntimeError: CUDA error: out of memory\n",
    ),
    "prose": (
        "report.md",
        "# Report\n\n- Epoch 1:  Train Loss: 0.2720, Val Loss: 0.2236\n- Epoch 2: Train Loss: 0.1,"
        " Val Loss: 0.2\n\nTop-3准确率 30.0% (15/50)，MSE=2.3, RMSE=1.5。Loss: 0.3133 -> 0.3133\n\n"
        "| Epoch | Loss |\n|---|---|\n| 1 | **0.5** |\n\n预期 Epoch 1: ~1.0-1.2，准确率 > 80%。\n",
    ),
}  # fmt: skip


def samples() -> dict[str, Sample]:
    """Name of a reader to a file that it recognises."""
    events = next((BINARY / "tensorboard").iterdir())
    found = {
        "tensorboard": (events.name, events.read_bytes()),
        "wandb": ("run-abc.wandb", _unpacked("trainer.wandb.gz")),
        "mlflow": ("mlflow.db", _unpacked("mlflow.db.gz")),
        "trackio": ("trackio.db", _unpacked("trackio.db.gz")),
    }
    return found | {name: (file, text.encode("utf-8")) for name, (file, text) in _TEXTS.items()}


def texts() -> list[str]:
    """Readers of text."""
    return list(_TEXTS)


def _unpacked(name: str) -> bytes:
    return gzip.decompress((BINARY / name).read_bytes())
