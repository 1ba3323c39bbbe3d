"""How soon a command answers, against the bare imports of what it stands on.

    python benchmarks/startup.py [--quick] [--processor] [--rounds 7]

Help, `--cfg job` and completion against `python -c "import hydra"`: at most 3 times as long, and without torch. A run's
first training step (built-in data, one process from start to that step) against `python -c "import
lightning.pytorch"`: at most 1.5 seconds more. Every process runs with one thread and with its bytecode cached.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from alternate import alternate, arguments, seconds_of

TRAIN = str(Path(__file__).resolve().parents[1] / "train.py")

LIGHT_BASELINE = 'python -c "import hydra"'
LIGHT = {
    LIGHT_BASELINE: ["-c", "import hydra"],
    "python train.py --help": [TRAIN, "--help"],
    "python train.py --cfg job": [TRAIN, "--cfg", "job"],
    "completion of model=tr": [TRAIN, "--shell-completion", "query=bash"],
}

HEAVY_BASELINE = 'python -c "import lightning.pytorch"'
FIRST_STEP = ["packages=[first_step]", "+callbacks.first_step._target_=first_step.FirstStep", "trainer=cpu"]
HEAVY = {
    HEAVY_BASELINE: ["-c", "import os, lightning.pytorch; os._exit(0)"],
    "python train.py, until its first step": [TRAIN, *FIRST_STEP],
    "python train.py model=transformer, likewise": [TRAIN, "model=transformer", *FIRST_STEP],
}


def python(*options: str, folder: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(Path(__file__).parent),  # where first_step.py is
        "COMP_LINE": "python train.py model=tr",  # what the shell tells of the line to be completed
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, *options]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"{shlex.join(command)} failed:\n{result.stderr}")
    return result


def imports_torch(*options: str, folder: str) -> bool:
    return bool(re.search(r"\| +torch$", python("-X", "importtime", *options, folder=folder).stderr, re.MULTILINE))


def main() -> None:
    options = arguments(__doc__, num_rounds=7)
    heavy = dict(list(HEAVY.items())[:2]) if options.quick else HEAVY
    with tempfile.TemporaryDirectory() as folder:
        run = partial(python, folder=folder)
        contenders = {name: partial(seconds_of, partial(run, *command)) for name, command in {**LIGHT, **heavy}.items()}
        rounds = alternate(contenders, num_rounds=options.rounds)
        for name, command in LIGHT.items():
            ratio = rounds.ratio(name, LIGHT_BASELINE)
            torch = "imports torch" if imports_torch(*command, folder=folder) else "no torch"
            print(f"{name:<45} {rounds.median(name):6.2f} s  {ratio:5.2f} ×   (target: under 3 ×; {torch})")
        print()
        for name in heavy:
            extra = rounds.extra(name, HEAVY_BASELINE)
            print(f"{name:<45} {rounds.median(name):6.2f} s  {extra:+5.2f} s   (target: at most +1.5 s)")


if __name__ == "__main__":
    main()
