"""The runs that a comparison is made of: each is made once, goes on where it was stopped, and is a row of a table."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]


def summary(folder: Path) -> dict[str, Any]:
    """Empty unless the run has finished."""
    path = folder / "summary.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    return known if known.get("status") == "finished" else {}


def make(folder: Path, overrides: list[str], **environment: str) -> None:
    """Starts the run, or goes on with it. One that fails is told of, and does not keep the next from its turn."""
    command = [sys.executable, REPOSITORY / "train.py", *overrides, f"run_dir={folder}", "resume=auto"]
    done = subprocess.run(command, env=os.environ | environment, check=False)
    if done.returncode:
        print(f"{folder.name}: ended with exit code {done.returncode}; the next one is next", file=sys.stderr)


def write(page: Path, mark: str, lines: list[str]) -> None:
    """Replaces what stands between `<!-- mark -->` and `<!-- end -->`."""
    start, end = f"<!-- {mark} -->", "<!-- end -->"
    before, found, rest = page.read_text().partition(start)
    assert found, f"{page} has no {start}"
    page.write_text(before + "\n".join([start, "", *lines, "", end]) + rest.partition(end)[2])
