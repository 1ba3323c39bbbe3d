"""The runs that a comparison is made of: each is made once, and goes on where it was stopped."""

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
