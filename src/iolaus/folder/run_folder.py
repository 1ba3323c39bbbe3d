"""A run's folder: made before the run, read back after it. Everything a run needs afterwards is in there."""

import itertools
import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from iolaus.folder.checkpoints import Checkpoints
from iolaus.folder.summary import read_summary
from iolaus.secrets import MASK, mask_override, mask_values

_ENVIRONMENT = "_from_the_environment_"


@dataclass(frozen=True)
class RunFolder:
    """A folder that a run left. It may be a stranger's: what it says is read, and never trusted with code.

    packages  the user's own packages, whose code may run again.
    """

    path: Path
    packages: tuple[str, ...] = ()

    @property
    def config(self) -> DictConfig:
        """As the run was composed, all interpolations resolved but those that read the environment.

        Raises:
            ValueError: if it cannot be read, or names packages that the user has not named again.
        """
        try:
            config = OmegaConf.load(self.path / "config.yaml")
            if not isinstance(config, DictConfig):
                raise TypeError
            named = list(map(str, config["packages"]))
        except (OSError, yaml.YAMLError, OmegaConfBaseException, TypeError, KeyError, ValueError) as error:
            raise ValueError(f"{self.path / 'config.yaml'} is damaged: it is no config of a run.") from error
        self._refuse_untrusted(named)
        return config

    @property
    def overrides(self) -> list[str]:
        """What the run was started with.

        Raises:
            ValueError: if the list cannot be used again as it is.
        """
        try:
            overrides = yaml.safe_load((self.path / "overrides.yaml").read_text())
        except (OSError, yaml.YAMLError, UnicodeDecodeError):
            overrides = None
        if not isinstance(overrides, list) or not all(isinstance(text, str) for text in overrides):
            raise ValueError(f"{self.path / 'overrides.yaml'} is missing or damaged: it is no list of overrides.")
        return overrides

    def _refuse_untrusted(self, named: list[str]) -> None:
        for package in named:
            if package not in self.packages:
                raise ValueError(
                    f"{self.path} was made with the package {package}, whose code would run: if you trust it, type "
                    f"packages=[{package}] (after python train.py) or --package {package} (after iolaus VERB)."
                )

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
            ValueError: if the run has none, or one that is damaged or holds anything else.
        """
        best = self.best
        if best is None:
            raise ValueError(f"{self.path} has no checkpoint: the run ended before it had saved one.")
        return read_checkpoint(best)

    def data_state(self, checkpoint: dict[str, Any]) -> dict[str, Any]:
        """What the run's data module kept in its checkpoint: its spec and what it had fitted."""
        return checkpoint[self.config.data["_target_"].rpartition(".")[2]]


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Plain values and tensors; whatever else the file holds is not looked at, let alone called.

    Raises:
        ValueError: if it holds anything else, or no weights, or is damaged.
    """
    import torch  # only who needs the weights waits for it

    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # readers of hostile files raise whatever these suggest
        raise ValueError(
            f"{path} is damaged, or holds more than plain values and tensors, which might be code: it is not read."
        ) from error
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get("state_dict"), dict):
        raise ValueError(f"{path} is no checkpoint of a run: it has no weights.")
    return checkpoint


def refuse_to_repeat(stored: list[str]) -> None:
    """For the overrides that a run or sweep has kept: the folder may be a stranger's.

    Raises:
        ValueError: at the first that would run code of the folder's own choice, or lacks its secret.
    """
    for text in stored:
        key = text.partition("=")[0].lstrip("+~")
        if key.startswith("hydra"):
            raise ValueError(f"it holds {text}, which nothing of ours keeps: do not use it.")
        if key == "packages":
            raise ValueError(f"its own packages are code that would run: if you trust them, type {text} again.")
        if MASK in text:
            raise ValueError(f"a secret is not kept: type {text.replace(MASK, '…')} again.")


def open_run(path: str | Path, packages: Iterable[str] = ()) -> RunFolder:
    """Raises ValueError if this is no run's folder. `packages`: the user's own, whose code may run."""
    folder = Path(path)
    if not (folder / "config.yaml").is_file():
        raise ValueError(f"{path} is not a run's folder: it has no config.yaml (the newest run is outputs/latest).")
    return RunFolder(folder.resolve(), tuple(packages))


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
    """Keeps what the run was composed of: config.yaml and the overrides that led to it, both without secrets."""
    plain = mask_values({key: node for key, node in _resolved(config).items() if key != "sweep"})
    (folder / "config.yaml").write_text(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True))
    masked = [mask_override(text) for text in overrides]
    (folder / "overrides.yaml").write_text(yaml.safe_dump(masked, allow_unicode=True))


def point_latest_to(folder: Path) -> None:
    """outputs/latest leads to the newest run, by a link that is replaced whole."""
    outputs = Path("outputs")
    outputs.mkdir(exist_ok=True)
    fresh = outputs / f".latest-{os.getpid()}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(os.path.relpath(folder, outputs.resolve()))
    os.replace(fresh, outputs / "latest")


def _resolved(config: DictConfig) -> Any:
    """The config in plain values. Interpolations become values, except those that lead to the environment, directly or
    by way of another: it may hold a secret."""
    written = OmegaConf.to_container(config, resolve=False)
    marked = OmegaConf.create(_marked(written))
    return _chosen(written, OmegaConf.to_container(marked, resolve=True))


def _marked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _marked(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_marked(child) for child in value]
    return _ENVIRONMENT if isinstance(value, str) and "oc.env" in value else value


def _chosen(written: Any, resolved: Any) -> Any:
    """What is written where the resolved value holds the mark of the environment; elsewhere that value."""
    if isinstance(written, dict) and isinstance(resolved, dict):
        return {key: _chosen(written[key], resolved[key]) for key in written}
    if isinstance(written, list) and isinstance(resolved, list) and len(written) == len(resolved):
        return [_chosen(*pair) for pair in zip(written, resolved, strict=True)]
    return written if _ENVIRONMENT in str(resolved) else resolved
