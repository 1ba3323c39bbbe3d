"""Commands that run beside the test, to be sent signals."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conftest import REPOSITORY

_SECONDS = 200.0  # a machine may be busy


def start(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, REPOSITORY / "train.py", *arguments],
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition: Callable[[], Any], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + _SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)


def text_of(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def ranks_of(process: subprocess.Popen[str]) -> list[int]:
    """The processes that a run has started, in their order."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return sorted(int(child) for child in children if "iolaus.rank" in Path(f"/proc/{child}/cmdline").read_text())


def is_alive(pid: int) -> bool:
    state = text_of(Path(f"/proc/{pid}/stat"))
    return bool(state) and state.rpartition(")")[2].split()[0] != "Z"
