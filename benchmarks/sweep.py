"""What a sweep costs beside its training: 20 small trials, against the same runs without our sweeper.

    python benchmarks/sweep.py [--quick] [--rounds 3]

The sweep has two workers with one thread each. Beside it: Hydra's own sweeper with its basic launcher, which makes one
run after another in one process, and with what its joblib launcher does, in two processes; and twenty commands, one
after another. It is to be at least 1.5 times as fast as the first, no slower than the second, and 4 times as fast as
the third. All of them start the same runs, `python train.py model.dim=… optimizer.lr=…`: ten epochs on digits.

Last, how long a trial takes from the moment that a worker is free until its first training step.
"""

import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from alternate import alternate, arguments, seconds_of

HERE = Path(__file__).resolve().parent
TRAIN = str(HERE.parent / "train.py")
RUN = ["trainer=cpu"]
DIMS, RATES = [8, 16, 24, 32, 40], [0.1, 0.01, 0.001, 0.0001]
OURS, BASIC = "python train.py -m, two workers", "Hydra's sweeper, basic launcher"
JOBLIB, COMMANDS = "Hydra's sweeper, joblib launcher", "one command after another"
TARGETS = {OURS: "", BASIC: "at least 1.5 ×", JOBLIB: "at least 1 ×", COMMANDS: "at least 4 ×"}
FIRST_STEP = ["packages=[first_step]", "+callbacks.first_step._target_=first_step.FirstStep"]


def train(*overrides: str, folder: str, exit_code: int = 0) -> None:
    command = [sys.executable, TRAIN, *overrides, *RUN]
    path = os.pathsep.join([str(HERE), str(HERE / "joblib_launcher"), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if result.returncode != exit_code:
        sys.exit(f"{' '.join(command)} failed:\n{result.stderr}")


def sweep(dims: list[int], rates: list[float], *extra: str, folder: str) -> None:
    train("-m", *swept(dims, rates), *extra, folder=folder)
    shutil.rmtree(Path(folder) / "outputs")


def swept(dims: list[int], rates: list[float]) -> list[str]:
    return ["model.dim=" + ",".join(map(str, dims)), "optimizer.lr=" + ",".join(map(str, rates))]


def one_by_one(dims: list[int], rates: list[float], *, folder: str) -> None:
    for dim, rate in itertools.product(dims, rates):
        train(f"model.dim={dim}", f"optimizer.lr={rate}", folder=folder)
    shutil.rmtree(Path(folder) / "outputs")


def seconds_to_first_step(dims: list[int], rates: list[float], *, folder: str) -> float:
    """The median of trials that end with it: to the sweep they have failed, and it says how long they took."""
    train("-m", *swept(dims, rates), *FIRST_STEP, "sweep.dir=first", folder=folder, exit_code=1)
    return statistics.median(trial["seconds"] for trial in json.loads((Path(folder) / "first/trials.json").read_text()))


def main() -> None:
    options = arguments(__doc__, num_rounds=3)
    dims, rates = (DIMS[:1], RATES[:2]) if options.quick else (DIMS, RATES)
    basic = ("hydra/sweeper=basic",)
    with tempfile.TemporaryDirectory() as folder:
        contenders = {
            OURS: partial(sweep, dims, rates, "sweep.workers=2", folder=folder),
            BASIC: partial(sweep, dims, rates, *basic, folder=folder),
            JOBLIB: partial(sweep, dims, rates, *basic, "hydra/launcher=joblib", folder=folder),
            COMMANDS: partial(one_by_one, dims, rates, folder=folder),
        }
        rounds = alternate(
            {name: partial(seconds_of, work) for name, work in contenders.items()}, num_rounds=options.rounds
        )
        until_first_step = seconds_to_first_step(dims, rates, folder=folder)
    count = len(dims) * len(rates)
    for name, target in TARGETS.items():
        wanted = f"   (target: {target})" if target else ""
        print(f"{name:<34} {rounds.median(name):7.1f} s for {count} trials  {rounds.ratio(name, OURS):5.2f} ×{wanted}")
    print(f"a trial until its first step       {until_first_step:7.2f} s   (target: well under 1 s)")


if __name__ == "__main__":
    main()
