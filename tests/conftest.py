"""What all tests share: one thread per process (two torch processes on the same cores are many times slower), and a
cache folder of their own."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="iolaus-cache-")  # the user's own stays as it is

REPOSITORY = Path(__file__).resolve().parents[1]

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Runs `python train.py …` or `iolaus …` as a user would, in an empty folder."""

    def run(*arguments: str, verb: bool = False, **environment: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-m", "iolaus"] if verb else [sys.executable, str(REPOSITORY / "train.py")]
        return subprocess.run(
            [*program, *arguments],
            cwd=tmp_path,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    return run
