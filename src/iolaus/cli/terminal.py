"""What all commands say alike: a path, the mistakes they end with."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from iolaus.process.failure import USER_MISTAKE
from iolaus.secrets import blot


def shown(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def leave(problems: Iterable[str], code: int = USER_MISTAKE) -> NoReturn:
    for problem in problems:
        print(f"error: {blot(problem)}", file=sys.stderr)
    sys.exit(code)
