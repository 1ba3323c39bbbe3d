"""How many training steps Hyperband needs to find what a whole grid finds: to be under a third of them.

    python benchmarks/hyperband.py FOLDER [--draws 3] [--epochs 81]

The grid's points all run to their end. Then the same points are run with the pruner, in an order that is drawn; how its
brackets are filled follows from the sweep's name, so each name is a draw of its own. Nothing else differs: the same
seed, the same epochs. What is in FOLDER already goes on, or is only read.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

TRAIN = Path(__file__).resolve().parents[1] / "train.py"
SPACE = [
    "model.dim=16,64,256",
    "model.dropout=0.0,0.1,0.3,0.5",
    "optimizer.lr=1e-4,3e-4,1e-3,3e-3,1e-2,3e-2",
    "optimizer.weight_decay=0.0,0.1",
]


def sweep(folder: Path, *overrides: str) -> list[dict[str, Any]]:
    """Its trials, all of which are over."""
    begin = [*overrides, f"sweep.dir={folder}"]
    go_on = [f"sweep.resume={folder}"]
    command = [sys.executable, TRAIN, "-m", *(go_on if (folder / "sweep.yaml").exists() else begin)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return json.loads((folder / "trials.json").read_text())


def row(name: str, trials: list[dict[str, Any]], grid: list[dict[str, Any]]) -> str:
    finished = [trial["value"] for trial in trials if trial["state"] == "finished"]
    steps, all_steps = (sum(trial["steps"] for trial in each) for each in (trials, grid))
    return f"| {name} | {max(finished):.2%} | {steps:,} ({steps / all_steps:.0%}) | {len(finished)} of {len(trials)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draws", type=int, default=3, help="of the brackets")
    parser.add_argument("--epochs", type=int, default=81)
    options = parser.parse_args()
    common = [*SPACE, "trainer=cpu", f"trainer.max_epochs={options.epochs}"]
    options.folder.mkdir(parents=True, exist_ok=True)
    grid = sweep(options.folder.resolve() / "grid", *common)
    print("| how | best validation accuracy | training steps | trials that ran to their end |\n|---|---|---|---|")
    print(row("the whole grid", grid, grid), flush=True)
    for draw in range(1, options.draws + 1):
        trials = sweep(options.folder.resolve() / f"hyperband-{draw}", *common, "sweep/pruner=hyperband")
        print(row(f"`sweep/pruner=hyperband`, draw {draw}", trials, grid), flush=True)


if __name__ == "__main__":
    main()
