"""What `python train.py -m …` hands over to; everything else is in iolaus.sweep."""

import sys
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class IolausSweeper(Sweeper):
    """Launches no Hydra jobs: a trial composes its own config, in a process of its own."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.config = config

    def sweep(self, arguments: list[str]) -> Any:
        from iolaus.sweep.command import run

        assert self.config is not None
        GlobalHydra.instance().clear()  # from here on, each trial's config is composed for itself
        try:
            exit_code = run(arguments, Path(self.config.hydra.sweep.dir))
        except ValueError as error:
            print(f"error: {error}", file=sys.stderr)
            exit_code = 2
        sys.exit(exit_code)
