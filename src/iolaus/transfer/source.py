"""What a run starts from (`init_from=…`): the best weights of another run, or published ones."""

import warnings
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from omegaconf import DictConfig
from torch import nn

from iolaus.folder.run_folder import RunFolder, open_run
from iolaus.spec import Image, from_plain
from iolaus.transfer.pretrained.published import PREFIX, open_published
from iolaus.transfer.weights import load_weights


class Source(Protocol):
    def fitted(self) -> dict[str, Any]:
        """What data need in order to read as the weights learned to read."""

    def load_into(self, model: nn.Module) -> None:
        """
        Raises:
            ValueError: if it is another architecture.
        """


class EarlierRun:
    """A run that has not finished gives what was best until then, and warns."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    @cached_property
    def checkpoint(self) -> dict[str, Any]:
        return self.folder.checkpoint()

    def fitted(self) -> dict[str, Any]:
        return self.folder.data_state(self.checkpoint)["fitted"]

    def load_into(self, model: nn.Module) -> None:
        read = from_plain(self.folder.data_state(self.checkpoint)["input"])
        load_weights(model, self.checkpoint, read if isinstance(read, Image) else None)
        if not self.folder.is_finished:
            path, status = self.folder.path, self.folder.summary.get("status", "without a summary.json")
            warnings.warn(
                f"init_from={path} is {status}, not finished: its weights are the best so far. To go on with it first, "
                f"type python train.py resume={path}.",
                stacklevel=2,
            )


def open_source(config: DictConfig, model: type) -> Source | None:
    """`model`: the class of the model that is to start from it.

    Raises:
        ValueError: if `init_from` is neither a run's folder nor something published, or does not fit the model.
    """
    init_from = config.init_from
    if not init_from:
        return None
    if not init_from.startswith(PREFIX):
        if not Path(init_from).exists():
            raise ValueError(
                f"init_from={init_from}: there is no such folder; published weights are init_from={PREFIX}{init_from}, "
                "the newest run is init_from=outputs/latest."
            )
        return EarlierRun(open_run(init_from, config.packages))
    published = open_published(init_from)
    problems = published.problems(model, config.model)
    if problems:
        raise ValueError(" ".join(problems))
    return published
