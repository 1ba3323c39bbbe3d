"""What a command line comes to, before Hydra sees it: every mistake in it, and the folder that the run is to have.

Nothing here imports torch before it must, so that most mistakes answer at once.
"""

import sys
from pathlib import Path

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from iolaus.cli.terminal import leave
from iolaus.config.compose import (
    Composed,
    compose,
    explain,
    is_own,
    is_swept,
    override_key,
    quoted,
    replace_batch_size,
)
from iolaus.config.hydra_settings import refused_settings
from iolaus.folder import lock
from iolaus.folder.again import found_batch_size, run_of, settle_auto, spell_out
from iolaus.folder.place import claim, reserve
from iolaus.folder.run_folder import RunFolder, open_run, refuse_to_repeat
from iolaus.process import slurm
from iolaus.process.collector import importing
from iolaus.secrets import notice_values


def settle_run(overrides: list[str]) -> list[str]:
    """The arguments for Hydra, with the folder that the run has from here on."""
    overrides = _with_source_resolved(_started_again(slurm.go_on(overrides)))
    problems = explain_all(overrides)
    several = [text for text in overrides if is_own(text) or is_swept(text)]
    if several and not problems:
        problems = [f"{several[0]} is for many runs: type python train.py -m …"]
    if problems:
        leave(problems)
    return [*overrides, f"hydra.run.dir={quoted(_place(overrides))}"]


def settle_sweep(overrides: list[str]) -> list[str]:
    """The same for a sweep; one that is only to be looked at ends here."""
    from iolaus.sweep.engines import local
    from iolaus.sweep.request import runs_here, with_stored

    try:
        overrides = with_stored(overrides)
    except ValueError as error:
        leave([str(error)])
    if runs_here(overrides):
        local.warm_up()  # in the background, while the sweep is checked
    from iolaus.sweep.check import problems_of

    problems = problems_of(overrides, _problems)
    if problems:
        leave(problems)
    from iolaus.sweep import command

    problems = command.prepare(overrides)
    if problems:
        leave(problems)
    try:
        folder = command.place(overrides)
    except OSError as error:
        leave([f"the sweep's folder cannot be made ({error.strerror}: {error.filename}); type sweep.dir=FOLDER."])
    if folder is None:
        print("\n".join(command.preview(overrides)))
        sys.exit(0)
    return ["-m", *overrides, f"hydra.sweep.dir={quoted(folder)}"]


def explain_all(overrides: list[str]) -> list[str]:
    """One sentence for everything that is wrong with these overrides, over all points if they are a sweep."""
    overrides = spell_out(overrides)
    if not any(is_own(text) or is_swept(text) for text in overrides):
        return _problems(overrides)
    from iolaus.sweep.check import problems_of

    return problems_of(overrides, _problems)


def _problems(overrides: list[str]) -> list[str]:
    try:
        composed = compose(overrides)
    except (HydraException, OmegaConfBaseException):
        with importing():
            from iolaus.config.values import check_values

        problems, accepted = explain(overrides)
        return problems + check_values(compose(accepted).config)
    with importing():
        from iolaus.config.check import check

    assert composed.hydra is not None
    notice_values(OmegaConf.to_container(composed.config, resolve=False))  # before anything is built of it
    return refused_settings(composed.hydra) or check(composed) or _folder_problems(composed)


def _folder_problems(composed: Composed) -> list[str]:
    """Whether the folders that the run starts from are runs that it can start from, or published weights that fit."""
    from iolaus.config import build
    from iolaus.config.resume import conflicts
    from iolaus.transfer.source import open_source

    config = composed.config
    named = f"init_from={config.init_from}"
    try:
        open_source(config, build.target_of(config, "model"))
        named = f"resume={config.resume.run}"
        run = open_run(config.resume.run, config.packages) if config.resume.run else None
        return conflicts(run, composed) if run else []
    except ValueError as error:
        return [str(error) if str(error).startswith(named) else f"{named}: {error}"]


def _started_again(overrides: list[str]) -> list[str]:
    """The overrides of the run that is meant, if one is to go on; ends here if `resume=auto` finds it finished."""
    overrides = spell_out(overrides)
    try:
        if run_of(overrides) != "auto":
            return _with_found_batch_size(_with_stored(overrides))
        overrides = _with_found_batch_size(settle_auto(overrides))
        run, config = run_of(overrides), _config(overrides)
        if (
            run
            and config
            and RunFolder(Path(run)).is_finished
            and config.trainer == open_run(run, config.packages).config.trainer
        ):
            print(f"{run} is finished.")
            sys.exit(0)
    except ValueError as error:
        leave([str(error)])
    return overrides


def _with_found_batch_size(overrides: list[str]) -> list[str]:
    """A run that goes on has the size that trainer.batch_size=auto has found for it."""
    run, config = run_of(overrides), _config(overrides)
    size = found_batch_size(Path(run)) if run and config and config.trainer.batch_size == "auto" else None
    return replace_batch_size(overrides, size) if size else overrides


def _config(overrides: list[str]) -> DictConfig | None:
    """None where it cannot be composed, which is explained later."""
    try:
        return compose(overrides).config
    except (HydraException, OmegaConfBaseException):
        return None


def _with_stored(overrides: list[str]) -> list[str]:
    """With `resume=RUN`, the overrides that RUN was started with; those given now replace them."""
    run = run_of(overrides)
    if run is None:
        return overrides
    given = {override_key(text) for text in overrides}
    try:
        folder = open_run(run)
        lock.hold(folder.path)
        stored = [text for text in folder.overrides if override_key(text) not in given]
        refuse_to_repeat(stored)
    except ValueError as error:
        leave([f"resume={run}: {error}"])
    return stored + overrides


def _with_source_resolved(overrides: list[str]) -> list[str]:
    """`init_from=outputs/latest` is the folder that this leads to now: soon it leads to the new run."""
    sources = {text: Path(text.removeprefix("init_from=")) for text in overrides if text.startswith("init_from=")}
    links = {text: path for text, path in sources.items() if path.is_dir() and path.resolve() != path.absolute()}
    return [f"init_from={quoted(links[text].resolve())}" if text in links else text for text in overrides]


def _place(overrides: list[str]) -> Path:
    """The run's folder, which exists from here on."""
    composed = compose(overrides)
    config, choices = composed.config, composed.choices
    try:
        if config.resume.run:
            return open_run(config.resume.run, config.packages).path
        if config.run_dir:
            return claim(config.run_dir)
    except ValueError as error:
        leave([str(error)])
    except OSError as error:
        leave([f"run_dir={config.run_dir} cannot be made ({error.strerror}): name another folder."])
    folder = reserve(Path("outputs") / f"{choices['data']}-{choices['model']}")
    lock.hold(folder)
    return folder
