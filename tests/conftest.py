"""What all tests share: one thread per process (two torch processes on the same cores are many times slower), a cache
folder of their own, and commands as a user types them."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.forks import Forks

os.environ.setdefault("OMP_NUM_THREADS", "1")
_cache = tempfile.TemporaryDirectory(prefix="iolaus-cache-", ignore_cleanup_errors=True)  # until the process ends
os.environ["XDG_CACHE_HOME"] = _cache.name  # the user's own stays as it is

REPOSITORY = Path(__file__).resolve().parents[1]

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    with Forks() as forks:
        yield forks


@pytest.fixture
def command(forks: Forks, tmp_path: Path) -> Command:
    """Runs `python train.py …` or `iolaus …` as a user would, in an empty folder; the imports have been done before."""

    def run(*arguments: str, verb: bool = False, **environment: str) -> subprocess.CompletedProcess[str]:
        ended = forks(list(arguments), tmp_path, verb=verb, environment=environment)
        return subprocess.CompletedProcess(arguments, ended.code, ended.stdout, ended.stderr)

    return run


@pytest.fixture
def fresh_command(tmp_path: Path) -> Command:
    """The same in a process of its own: where it matters what is imported, and when."""

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


@pytest.fixture
def asked_for(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The overrides of every `python train.py …` that is asked for from now on; none is started."""
    commands: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command[2:])
        return subprocess.CompletedProcess(command, returncode=0)

    monkeypatch.setattr(subprocess, "run", run)
    return commands
