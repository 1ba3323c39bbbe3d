"""`python train.py …`: checks the command line, gives the run its folder, and hands over to Hydra.

Nothing here imports torch before it must, so that help and completion answer at once.
"""

import logging
import os
import shlex
import sys
import traceback
from pathlib import Path
from typing import Any

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from iolaus.cli.settle import settle_run, settle_sweep
from iolaus.cli.terminal import leave, shown
from iolaus.config.compose import CONF
from iolaus.config.help import train_help
from iolaus.config.hydra_settings import refused_flags, refused_overrides
from iolaus.folder.run_folder import RunFolder
from iolaus.folder.summary import is_first_process
from iolaus.process import slurm
from iolaus.process.collector import importing
from iolaus.process.failure import code_of, record, sentence, show_warnings_in_one_line
from iolaus.process.interruption import Interrupted, listen
from iolaus.secrets import Formatter, blot, mask_override, notice


def train() -> None:
    """Checks the command line, gives the run its folder, and hands over to Hydra."""
    listen()
    try:
        _train()
    except Interrupted as stop:  # before the run began, or between two of a sweep
        sys.exit(stop.exit_code)


def _train() -> None:
    arguments, others = get_args_parser().parse_known_intermixed_args()  # flags may stand between overrides
    if arguments.help:
        print(train_help(), end="")
        return
    notice(arguments.overrides)
    if logging.lastResort:  # speaks until Hydra has set up the logs
        logging.lastResort.setFormatter(Formatter("%(message)s"))
    problems = _refused_launchers() + refused_flags(arguments, others) + refused_overrides(arguments.overrides)
    if problems:
        leave(problems)
    only_shows = arguments.hydra_help or arguments.cfg or arguments.info
    if not (only_shows or arguments.shell_completion):
        settle = settle_sweep if arguments.multirun else settle_run
        sys.argv = [sys.argv[0], *settle(arguments.overrides)]
    _job()


def _refused_launchers() -> list[str]:
    """A run starts its processes itself: started from outside, each would make a run, in a folder of its own."""
    if "LOCAL_RANK" in os.environ:
        return ["LOCAL_RANK is set, as torchrun does: type python train.py trainer=ddp trainer.devices=N instead."]
    if int(os.environ.get("SLURM_NTASKS", "1")) > 1 and "SLURM_STEP_ID" in os.environ:
        return ["srun started several tasks: ask for one (--ntasks=1), and type trainer=ddp trainer.devices=N."]
    return []


@hydra.main(config_path=str(CONF), config_name="train", version_base="1.3")
def _job(config: DictConfig) -> Any:
    """One run, in the folder that Hydra has set up."""
    with importing():
        from iolaus.run import run  # not for `--help`

    job = HydraConfig.get()
    is_sweep = job.mode == RunMode.MULTIRUN
    typed: Any = OmegaConf.to_container(job.overrides.task, resolve=False)  # or ${oc.env:…} in them would be read
    overrides = [text for text in typed if not text.startswith("resume.")]
    show_warnings_in_one_line()
    folder = Path(job.runtime.output_dir)
    try:
        summary = run(
            config,
            folder,
            choices={group: choice for group, choice in job.runtime.choices.items() if not group.startswith("hydra")},
            overrides=overrides,
            command=shlex.join(["python", *sys.argv[:1], *map(mask_override, typed)]),
            group=folder.parent.name if is_sweep else None,
        )
    except Interrupted as stop:
        record(stop)
        if slurm.wants_requeue(stop.signum) and is_first_process():
            slurm.requeue()
        print(f"\nstopped; {_how_to_go_on(folder, overrides)}", file=sys.stderr)
        sys.exit(stop.exit_code)
    except Exception as error:
        if is_sweep:
            raise
        record(error)
        if isinstance(error, AssertionError):
            print(blot("".join(traceback.format_exception(error))), file=sys.stderr)
        leave([sentence(error)], code_of(error))
    print(f"\n{shown(folder)}")
    return summary


def _how_to_go_on(folder: Path, overrides: list[str]) -> str:
    if RunFolder(folder).checkpoints.newest():
        return f"go on with: python train.py resume={shlex.quote(shown(folder))}"
    return f"it had saved nothing yet; start again with: {shlex.join(['python', 'train.py', *overrides])}"
