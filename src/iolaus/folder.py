"""A run's folder: made before the run, read back after it. Everything a run needs afterwards is in there."""

import itertools
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from iolaus.checkpoints import Checkpoints
from iolaus.summary import read_summary


@dataclass(frozen=True)
class RunFolder:
    """A folder that a run left."""

    path: Path

    @property
    def config(self) -> DictConfig:
        """As the run was composed, all interpolations resolved but those that read the environment."""
        config = OmegaConf.load(self.path / "config.yaml")
        assert isinstance(config, DictConfig)
        return config

    @property
    def overrides(self) -> list[str]:
        return yaml.safe_load((self.path / "overrides.yaml").read_text())

    @property
    def summary(self) -> dict[str, Any]:
        return read_summary(self.path)

    @property
    def checkpoints(self) -> Checkpoints:
        return Checkpoints(self.path)

    @property
    def best(self) -> Path | None:
        """The best checkpoint by validation; the last, where nothing was validated. None if there is neither.

        Raises:
            ValueError: if it is damaged.
        """
        checkpoints = self.checkpoints
        if not checkpoints.best.exists():
            return checkpoints.newest()
        if not checkpoints.is_whole(checkpoints.best):
            raise ValueError(f"{checkpoints.best} is damaged: its digest is not in digests.json.")
        return checkpoints.best

    def checkpoint(self) -> dict[str, Any]:
        """The best checkpoint: plain values and tensors only.

        Raises:
            ValueError: if the run has none, or a damaged one.
        """
        import torch  # only who needs the weights waits for it

        best = self.best
        if best is None:
            raise ValueError(f"{self.path} has no checkpoint: the run ended before it had saved one.")
        return torch.load(best, map_location="cpu", weights_only=True)

    def data_state(self, checkpoint: dict[str, Any]) -> dict[str, Any]:
        """What the run's data module kept in its checkpoint: its spec and what it had fitted."""
        return checkpoint[self.config.data["_target_"].rpartition(".")[2]]


def open_run(path: str | Path) -> RunFolder:
    """Raises ValueError if this is no run's folder."""
    folder = Path(path)
    if not (folder / "config.yaml").is_file():
        raise ValueError(f"{path} is not a run's folder: it has no config.yaml (the newest run is outputs/latest).")
    return RunFolder(folder.resolve())


def reserve(parent: Path, name: str | None = None) -> Path:
    """Makes a new folder under `parent`, named so or after the time; a number tells those of the same name apart."""
    parent.mkdir(parents=True, exist_ok=True)
    name = name or time.strftime("%Y-%m-%d-%H-%M-%S")
    for number in itertools.count(1):
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder.resolve()
    raise AssertionError("there is always another number")


def claim(run_dir: str) -> Path:
    """Makes the folder that the user named.

    Raises:
        ValueError: if something is in it already.
    """
    folder = Path(run_dir)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise ValueError(
            f"run_dir={run_dir} is not empty: type resume={run_dir} to go on there, or name another folder."
        )
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def clear(folder: Path, *, keep: tuple[str, ...] = ()) -> None:
    """Empties the folder of a run that got nowhere, so that it may begin again."""
    for path in folder.iterdir() if folder.exists() else ():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name not in keep:
            path.unlink()


def write_config(folder: Path, config: DictConfig, overrides: list[str]) -> None:
    """Keeps what the run was composed of: config.yaml and the overrides that led to it."""
    plain = _resolve({key: node for key, node in OmegaConf.to_container(config).items() if key != "sweep"}, config)  # type: ignore[union-attr]
    (folder / "config.yaml").write_text(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True))
    (folder / "overrides.yaml").write_text(yaml.safe_dump(overrides, allow_unicode=True))


def point_latest_to(folder: Path) -> None:
    """outputs/latest leads to the newest run, by a link that is replaced whole."""
    outputs = Path("outputs")
    outputs.mkdir(exist_ok=True)
    fresh = outputs / f".latest-{os.getpid()}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(os.path.relpath(folder, outputs.resolve()))
    os.replace(fresh, outputs / "latest")


def _resolve(value: Any, config: DictConfig) -> Any:
    """Interpolations become values, except those that read the environment: they may hold a secret."""
    if isinstance(value, dict):
        return {key: _resolve(child, config) for key, child in value.items()}
    if isinstance(value, list):
        return [_resolve(child, config) for child in value]
    if isinstance(value, str) and "${" in value and "oc.env" not in value:
        resolved = OmegaConf.create({"value": value})
        resolved._set_parent(config)
        plain = resolved["value"]
        return OmegaConf.to_container(plain) if OmegaConf.is_config(plain) else plain
    return value
