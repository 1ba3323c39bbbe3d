"""`iolaus evaluate RUN [overrides]`: tests a finished run again, on its own data or on others."""

import warnings
from typing import Any

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from iolaus.config import build
from iolaus.config.check import check
from iolaus.config.compose import Composed, compose, explain, override_key
from iolaus.folder.place import reserve
from iolaus.folder.run_folder import RunFolder
from iolaus.folder.summary import Summary, provenance
from iolaus.training import memory
from iolaus.verbs.rebuild import read, rebuild

# The groups that may differ from the run's: which samples are tested, and on which device. Of its task, `of_tests` may.
_REPLACEABLE = ("data", "trainer")


def evaluate(run: RunFolder, overrides: list[str]) -> dict[str, Any]:
    """Writes summary.json and the task's report to RUN/evaluate/<data>/, and returns the summary.

    Raises:
        ValueError: if an override does not fit, or the data have other sizes than the model reads.
    """
    config, name = _with_replaced(run, overrides)
    _refuse_other_kinds(run.config, config, name)
    task, data = rebuild(run, config)
    read(data, name)
    if _source(config) == _source(run.config) and data.has_changed:
        warnings.warn(
            f"the files of data={name} have changed since {run.path} was trained on them: it is tested on what they "
            "hold now.",
            stacklevel=2,
        )
    folder = reserve(run.path / "evaluate", name)
    summary = Summary(folder, run=str(run.path), data=name, overrides=overrides, **provenance())
    trainer = build.build_trainer(config, task.model, logger=False, default_root_dir=folder)
    half = max(1, data.batch_size // 2)
    where = f"on {trainer.strategy.root_device.type} with data.batch_size={data.batch_size}"
    with memory.told(where, f"type data.batch_size={half} behind the run's folder."):
        trainer.test(task, datamodule=data, verbose=False)
    summary.add(folder=str(folder), **{key: value.item() for key, value in trainer.callback_metrics.items()})
    return summary.values


def _with_replaced(run: RunFolder, overrides: list[str]) -> tuple[DictConfig, str]:
    """The run's config with the groups that the overrides touch composed anew, and the name of the data."""
    config, choices = run.config, {group: run.choice(group) for group in _REPLACEABLE}
    of_tests = [f"task.{option}" for option in build.task_class(config).of_tests]
    keys = [override_key(text) for text in overrides]
    refused = [key for key in keys if key.split(".")[0] not in _REPLACEABLE and key not in of_tests]
    if refused:
        raise ValueError(
            f"evaluate takes overrides of {', '.join([*_REPLACEABLE, *of_tests])} only, not of {refused[0]}."
        )
    touched = {key.split(".")[0] for key in keys}
    if touched:
        fresh = _compose([*_kept(run.overrides, overrides), *overrides])
        for group in touched:
            config[group] = fresh.config[group]
            choices[group] = fresh.choices[group]
    problems = check(Composed(config, {**run.summary, **choices}))
    if problems:
        raise ValueError("\n".join(problems))
    return config, choices["data"]


def _source(config: DictConfig) -> dict[Any, Any]:
    """Where the data come from, however many of them make a batch."""
    options = OmegaConf.to_container(config.data, resolve=True)
    assert isinstance(options, dict)
    return options | {"batch_size": None}


def _refuse_other_kinds(trained: DictConfig, tested: DictConfig, name: str) -> None:
    was, now = (build.target_of(config, "data").gives for config in (trained, tested))
    if was != now:
        kinds, others = (" → ".join(kind.__name__ for kind in gives) for gives in (was, now))
        raise ValueError(f"data={name} gives {others}, but the run's model was built for {kinds}.")


def _kept(stored: list[str], given: list[str]) -> list[str]:
    """The run's own overrides, without those that the given ones replace: another `data=` replaces all of data.*."""
    keys = {override_key(text) for text in given}
    return [text for text in stored if override_key(text) not in keys and override_key(text).split(".")[0] not in keys]


def _compose(overrides: list[str]) -> Composed:
    try:
        return compose(overrides)
    except (HydraException, OmegaConfBaseException) as error:
        raise ValueError("\n".join(explain(overrides)[0])) from error
