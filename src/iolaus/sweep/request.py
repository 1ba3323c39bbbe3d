"""What a sweep is asked for: kept in its folder's sweep.yaml, and read again when it goes on.

Imports neither torch nor Optuna: a sweep's first steps are not to wait for them.
"""

from pathlib import Path
from typing import Any

import yaml

from iolaus import durable
from iolaus.config.compose import is_own, override_key
from iolaus.folder.plain_yaml import read_yaml
from iolaus.folder.run_folder import refuse_to_repeat
from iolaus.secrets import MASK


def with_stored(overrides: list[str]) -> list[str]:
    """With `sweep.resume=DIR`, what that sweep was started with; options of the sweep given now replace its own.

    Raises:
        ValueError: if DIR is no sweep, or something else is to change.
    """
    folder = _given(overrides, "sweep.resume")
    if folder is None:
        return overrides
    stored = read_sweep(folder)["overrides"]
    again = {"packages", *(override_key(text) for text in stored if MASK in text)}  # what is not taken from a folder
    others = [text for text in overrides if not is_own(text) and override_key(text) not in again]
    if others:
        raise ValueError(f"sweep.resume={folder}: the sweep goes on as it began, so {others[0]} cannot be added.")
    given = {override_key(text) for text in overrides} | {"sweep.dir"}
    kept = [text for text in stored if override_key(text) not in given]
    try:
        refuse_to_repeat(kept)
    except ValueError as error:
        raise ValueError(f"sweep.resume={folder}: {error}") from error
    return kept + overrides


def runs_here(overrides: list[str]) -> bool:
    """Whether trials are going to run on this machine, as far as the command line says it."""
    return _given(overrides, "sweep.engine") in (None, "local") and _given(overrides, "sweep.dry_run") is None


def write_sweep(folder: Path, **values: Any) -> None:
    durable.write_text(folder / "sweep.yaml", yaml.safe_dump(values, sort_keys=False, allow_unicode=True))


def read_sweep(folder: str | Path) -> dict[str, Any]:
    """Raises ValueError if this is no sweep's folder."""
    path = Path(folder) / "sweep.yaml"
    if not path.is_file():
        raise ValueError(f"{folder} is not a sweep's folder: it has no sweep.yaml.")
    about = read_yaml(path)
    if not isinstance(about, dict) or not isinstance(about.get("overrides"), list):
        raise ValueError(f"{path} is damaged: it does not say what the sweep was started with.")
    return about


def _given(overrides: list[str], key: str) -> str | None:
    return next((text.partition("=")[2] for text in overrides if override_key(text) == key), None)
