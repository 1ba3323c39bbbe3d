"""What a sweep costs beside its training: 20 small trials, against the same runs without our sweeper.

    python benchmarks/sweep.py [--quick] [--rounds 3]

The sweep has two workers with one thread each. Beside it: Hydra's own sweeper, which makes one run after another in one
process, and twenty commands one after another. It is to be at least 1.5 times as fast as the first, and 4 times as fast
as the second. All of them start the same runs, `python train.py model.dim=… optimizer.lr=…`, of one epoch on digits.
"""

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from alternate import alternate, arguments, seconds_of

TRAIN = str(Path(__file__).resolve().parents[1] / "train.py")
RUN = ["trainer=cpu", "trainer.max_epochs=1", "+trainer.limit_train_batches=5"]
DIMS, RATES = [8, 16, 24, 32, 40], [0.1, 0.01, 0.001, 0.0001]
OURS, HYDRAS, COMMANDS = "python train.py -m, two workers", "Hydra's sweeper and launcher", "one command after another"


def train(*overrides: str, folder: str) -> None:
    command = [sys.executable, TRAIN, *overrides, *RUN]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{result.stderr}")


def sweep(dims: list[int], rates: list[float], *extra: str, folder: str) -> None:
    swept = ["model.dim=" + ",".join(map(str, dims)), "optimizer.lr=" + ",".join(map(str, rates))]
    train("-m", *swept, *extra, folder=folder)
    shutil.rmtree(Path(folder) / "outputs")


def one_by_one(dims: list[int], rates: list[float], *, folder: str) -> None:
    for dim, rate in itertools.product(dims, rates):
        train(f"model.dim={dim}", f"optimizer.lr={rate}", folder=folder)
    shutil.rmtree(Path(folder) / "outputs")


def main() -> None:
    options = arguments(__doc__, num_rounds=3)
    dims, rates = (DIMS[:1], RATES[:2]) if options.quick else (DIMS, RATES)
    with tempfile.TemporaryDirectory() as folder:
        contenders = {
            OURS: partial(sweep, dims, rates, "sweep.workers=2", folder=folder),
            HYDRAS: partial(sweep, dims, rates, "hydra/sweeper=basic", folder=folder),
            COMMANDS: partial(one_by_one, dims, rates, folder=folder),
        }
        rounds = alternate(
            {name: partial(seconds_of, work) for name, work in contenders.items()}, num_rounds=options.rounds
        )
    count = len(dims) * len(rates)
    for name, target in ((OURS, ""), (HYDRAS, "   (target: at least 1.5 ×)"), (COMMANDS, "   (target: at least 4 ×)")):
        print(f"{name:<34} {rounds.median(name):7.1f} s for {count} trials  {rounds.ratio(name, OURS):5.2f} ×{target}")


if __name__ == "__main__":
    main()
