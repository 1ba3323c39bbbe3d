"""summary.json: what a run is, how it ended and what it reached, as one flat object."""

import json
import os
import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from iolaus import durable

Status = Literal["running", "finished", "failed", "interrupted", "pruned"]

_VERSIONS = ("iolaus", "torch", "lightning", "hydra-core", "numpy")


class Summary:
    """Written when the run starts and whenever something is added, each time whole. Of several processes only the first
    writes."""

    def __init__(self, folder: Path, **known: Any) -> None:
        self._path = folder / "summary.json"
        self.values: dict[str, Any] = known

    def add(self, **values: Any) -> None:
        self.values |= values
        if not is_first_process():
            return
        durable.write_text(self._path, json.dumps(self.values, indent=2) + "\n")


def is_first_process() -> bool:
    """Whether this is the process of the run that writes: of several, whoever started them numbered them."""
    numbers = (os.environ.get(name) for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID"))
    return next((number for number in numbers if number is not None), "0") == "0"


def read_summary(folder: Path) -> dict[str, Any]:
    """Empty where there is none yet.

    Raises:
        ValueError: if it is damaged.
    """
    path = folder / "summary.json"
    if not path.exists():
        return {}
    try:
        summary = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        summary = None
    if not isinstance(summary, dict):
        raise ValueError(f"{path} is damaged: it is no summary of a run.")
    return summary


def table(results: dict[str, float]) -> str:
    """Metrics as lines for the terminal."""
    width = max(map(len, results), default=0)
    return "\n".join(f"  {name:<{width}}  {value:.4f}" for name, value in sorted(results.items()))


def provenance() -> dict[str, Any]:
    """Where a result comes from: the code's commit, the versions of what it stands on, the machine."""
    from iolaus.hardware import hardware  # imports torch

    return {**code(), "hardware": hardware()}


@cache
def code() -> dict[str, Any]:
    """Commit and versions, as they were when this process, or the one that it was forked from, first asked: what has
    changed on the disk since is not what runs."""
    commit, is_changed = _commit()
    versions = {name: version(name) for name in _VERSIONS} | {"python": platform.python_version()}
    return {"git_commit": commit, "git_dirty": is_changed, "versions": versions}


def _commit() -> tuple[str | None, bool | None]:
    """The commit, and whether anything differs from it; None where there is no git or no repository: a downloaded
    archive runs as well."""
    home = Path(__file__).resolve().parents[3]
    command = ["git", "-C", str(home), "status", "--porcelain=v2", "--branch"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None, None
    about = [line for line in answer.splitlines() if line.startswith("# branch.oid ")]
    changes = [line for line in answer.splitlines() if not line.startswith("#")]
    return about[0].split()[2], bool(changes)
