"""A run's folder, read back: everything that is needed of a run afterwards is in there."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from iolaus.folder.checkpoints import Checkpoints
from iolaus.folder.plain_yaml import read_yaml, vetted
from iolaus.folder.summary import read_summary
from iolaus.secrets import MASK, notice_values


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
        file = self.path / "config.yaml"
        try:
            vetted(file)
            config = OmegaConf.load(file)
            if not isinstance(config, DictConfig):
                raise TypeError
            named = list(map(str, config["packages"]))
        except (OSError, yaml.YAMLError, OmegaConfBaseException, TypeError, KeyError, ValueError) as error:
            reason = str(error) if str(error).startswith(str(file)) else f"{file} is damaged: it is no config of a run."
            raise ValueError(reason) from error
        self._refuse_untrusted(named)
        notice_values(OmegaConf.to_container(config, resolve=False))
        return config

    @property
    def overrides(self) -> list[str]:
        """What the run was started with.

        Raises:
            ValueError: if the list cannot be used again as it is.
        """
        try:
            overrides = read_yaml(self.path / "overrides.yaml")
        except OSError:
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
    def is_finished(self) -> bool:
        return self.summary.get("status") == "finished"

    @property
    def is_debug(self) -> bool:
        """Whether one batch of everything was all that it did (trainer=debug): of such a run no weights are kept."""
        return bool(OmegaConf.select(self.config, "trainer.fast_dev_run"))

    def choice(self, group: str) -> str:
        """What was chosen in the group, by name: of `data`, say, `digits`.

        Raises:
            ValueError: if the summary, which alone has the names, does not say.
        """
        name = self.summary.get(group)
        if not isinstance(name, str):
            raise ValueError(
                f"{self.path / 'summary.json'} is missing, or does not say the run's {group}: copy it back from where "
                "the run was made, or name another run."
            )
        return name

    @cached_property  # it remembers the digests
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
        if best is None and self.is_debug:
            raise ValueError(
                f"{self.path} has no checkpoint: a debug run keeps no weights; run it without trainer=debug."
            )
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
    """`packages`: the user's own, whose code may run.

    Raises:
        ValueError: if this is no run's folder, or a file in it is a link to one elsewhere, which would be written over.
    """
    folder = Path(path)
    if not (folder / "config.yaml").is_file():
        raise ValueError(f"{path} is not a run's folder: it has no config.yaml (the newest run is outputs/latest).")
    folder = folder.resolve()
    for file in [
        *folder.glob("*"),
        *folder.glob("checkpoints/*"),
        *folder.glob("snapshots/*"),
    ]:  # W&B has links of its own, further down
        if file.is_symlink() and not file.is_dir() and not file.resolve().is_relative_to(folder):
            raise ValueError(f"{file} is a link that leads out of the run's folder: put the file itself in its place.")
    return RunFolder(folder, tuple(packages))
