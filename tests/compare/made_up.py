"""Writes folders as sweeps leave them, of any size, in a moment. What they say is made up, but follows from a seed."""

import json
import math
import random
from pathlib import Path
from typing import Any

import yaml

MODELS = ("mlp", "rnn", "transformer")
_BEST = {"mlp": 0.955, "rnn": 0.93, "transformer": 0.978}


def write_sweep(
    folder: Path, num_trials: int, *, objectives: int = 1, seeds: int = 1, num_epochs: int = 12, seed: int = 0
) -> Path:
    """Some trials are pruned and some fail; the depth is an option of the transformers alone."""
    chance = random.Random(seed)
    folder.mkdir(parents=True)
    aims = [{"metric": "val/accuracy", "mode": "max"}, {"metric": "val/loss", "mode": "min"}][:objectives]
    asked = {
        "command": "python train.py -m model=mlp,rnn,transformer 'optimizer.lr=tag(log, interval(1e-5, 1e-1))'",
        "overrides": ["model=mlp,rnn,transformer"],
        "space": {"model": "mlp, rnn, transformer", "optimizer.lr": "log 1e-05 … 0.1", "model.dropout": "0 … 0.5"},
        "objective": aims[0] if objectives == 1 else aims,
        "sampler": "tpe",
        "pruner": "hyperband",
        "trials": num_trials,
        "seeds": seeds,
        "started": "2026-01-02T03:04:05",
    }
    (folder / "sweep.yaml").write_text(yaml.safe_dump(asked))
    trials = [_trial(folder, number, objectives, seeds, num_epochs, chance) for number in range(num_trials)]
    (folder / "trials.json").write_text(json.dumps(trials))
    return folder


def _trial(folder: Path, number: int, objectives: int, seeds: int, num_epochs: int, chance: random.Random) -> Any:
    params: dict[str, Any] = {
        "model": chance.choice(MODELS),
        "optimizer": chance.choice(("adamw", "sgd")),
        "optimizer.lr": 10 ** chance.uniform(-5, -1),
        "model.dropout": round(chance.uniform(0, 0.5), 3),
        "data.batch_size": chance.choice((32, 64, 128, 256)),
    }
    if params["model"] == "transformer":
        params["model.num_layers"] = chance.randint(1, 4)
    state = chance.choices(("finished", "pruned", "failed"), (0.7, 0.22, 0.08))[0] if number > 3 else "finished"
    runs = [str(number)] if seeds == 1 else [f"{number}/seed-{run}" for run in range(seeds)]
    length = {"finished": num_epochs, "pruned": max(1, num_epochs // 4), "failed": 1}[state]
    values = [write_run(folder / run, params, state, length, chance) for run in runs]
    mean = sum(value for value, _ in values) / seeds
    losses = sum(loss for _, loss in values) / seeds
    overrides = [f"{key}={value}" for key, value in params.items()]
    several = {"objectives": {"val/accuracy": mean, "val/loss": losses}} if objectives > 1 and state != "failed" else {}
    return {
        **several,
        "number": number,
        "state": state,
        "value": None if state == "failed" else mean,
        "values": [value for value, _ in values],
        "deviation": 0.004 if seeds > 1 else None,
        "params": params,
        "overrides": overrides,
        "seconds": round(length * chance.uniform(0.5, 4) * (3 if params["model"] == "transformer" else 1), 3),
        "steps": length * 23,
        "reason": {
            "failed": "RuntimeError: the loss is not finite",
            "pruned": "pruned by hyperband after 3 epochs",
        }.get(state),
        "runs": runs,
        "command": f"python train.py {' '.join(overrides)}",
    }


def write_run(
    folder: Path, params: dict[str, Any], state: str, num_epochs: int, chance: random.Random
) -> tuple[float, float]:
    """A run folder with what a comparison reads of it; returns the best accuracy and loss."""
    folder.mkdir(parents=True)
    rate = params["optimizer.lr"]
    ceiling = _BEST[params["model"]] - 0.06 * abs(math.log10(rate) + 2.7) ** 1.5 - 0.1 * params["model.dropout"] ** 2
    curve = [max(0.1, ceiling - 0.5 * math.exp(-0.45 * epoch) + chance.gauss(0, 0.006)) for epoch in range(num_epochs)]
    rows = ["epoch,step,step/loss,val/loss,val/accuracy,train/loss"]
    for epoch, accuracy in enumerate(curve):
        rows.append(f"{epoch},{23 * epoch + 10},{1.2 - accuracy},,,")
        rows.append(f"{epoch},{23 * epoch + 22},,{1.1 - accuracy},{accuracy},{1.05 - accuracy}")
    (folder / "metrics.csv").write_text("\n".join(rows) + "\n")
    summary = {
        "data": "digits", "model": params["model"], "optimizer": params["optimizer"], "seed": 0,
        "command": "python train.py", "status": state, "num_parameters": 12_345,
        "objective": {"metric": "val/accuracy", "mode": "max"},
    }  # fmt: skip
    if state == "finished":
        best = max(curve)
        summary |= {"val/accuracy": best, "val/loss": 1.1 - best, "test/accuracy": best - 0.01, "fit_seconds": 3.5}
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "config.yaml").write_text(yaml.safe_dump({"optimizer": {"lr": rate}, "seed": 0}))
    (folder / "overrides.yaml").write_text(yaml.safe_dump([f"optimizer.lr={rate}"]))
    return max(curve), 1.1 - max(curve)
