"""Builds, fits, tests and records a run, in this process: alone, or as one of several."""

import logging
import time
import warnings
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from iolaus.callbacks.checkpoint import Checkpoint
from iolaus.callbacks.fresh_start import FreshStart
from iolaus.callbacks.reporter import Reporter
from iolaus.callbacks.stop import Stop
from iolaus.config import build, compose, resume
from iolaus.config.weights import first_difference
from iolaus.data.module import DataModule
from iolaus.folder.composition import write_config
from iolaus.folder.place import point_latest_to
from iolaus.folder.run_folder import RunFolder, read_checkpoint
from iolaus.folder.summary import Summary, is_first_process, provenance, table
from iolaus.hardware import peak_memory_mb
from iolaus.loggers.run_logger import Identity, RunLogger, told_of_the_end
from iolaus.loggers.samples import TestSamples
from iolaus.process import full_disk, slurm
from iolaus.process.interruption import interruption
from iolaus.tasks.task import Task
from iolaus.training import memory
from iolaus.training.batch_size import find_batch_size
from iolaus.training.repeatable import unrepeatable
from iolaus.training.trainer import Trainer
from iolaus.transfer.finetuning import Full
from iolaus.transfer.source import open_source

log = logging.getLogger(__name__)


def fit_and_test(
    config: DictConfig,
    folder: Path,
    *,
    known: dict[str, Any],
    choices: dict[str, str],
    overrides: list[str],
    group: str | None,
    reporter: Reporter | dict[str, Any] | None,
) -> None:
    """`known` begins the summary; `reporter`, or its address, is told what validations find."""
    run, summary = RunFolder(folder), Summary(folder, **known, **provenance())
    reporter = Reporter.by_mail(**reporter) if isinstance(reporter, dict) else reporter
    with full_disk.told(folder):
        if not config.resume.run:
            _begin(config, run, summary, overrides, group)
        data, task, finetuning = _build(config)
        if config.resume.run:
            _refuse_unfit(config, run, data, task)  # before anything of the run is written over
            _begin(config, run, summary, overrides, group)
        loggers = build.build_loggers(config, Identity(folder, choices, group)) if is_first_process() else []
        with told_of_the_end(loggers, summary):
            trainer = _trainer(config, folder, task, finetuning, loggers, reporter)
            _settle_batch_size(config, overrides, trainer, task, data)
            metric, mode = task.objective
            num_parameters, num_learning = _count(task)
            summary.add(objective={"metric": metric, "mode": mode}, num_parameters=num_parameters)
            size = f"{num_parameters:,} parameters"
            if num_learning < num_parameters:
                size += f", {num_learning:,} of which learn"
            _announce(choices, data, size, trainer, folder)
            for sentence in unrepeatable(config.trainer, trainer.strategy.root_device.type):
                log.info("repeat %s", sentence)
            if num_learning:
                _fit(trainer, task, data, run, summary)
            else:
                _keep(trainer, task, data, summary)
            if reporter and reporter.is_stopped:
                summary.add(status="pruned", exit_code=0)
                return
            _test(trainer, task, data, run, summary)
            summary.add(status="finished", exit_code=0)


def _begin(config: DictConfig, run: RunFolder, summary: Summary, overrides: list[str], group: str | None) -> None:
    """From here on the folder is this run's."""
    summary.add(status="running", started=time.strftime("%Y-%m-%dT%H:%M:%S%z"))
    if is_first_process():
        write_config(run.path, config, overrides)
        point_latest_to(run.path)
        if group is None:
            slurm.remember(run.path)


def _build(config: DictConfig) -> tuple[DataModule, Task, Full]:
    with memory.told("before the first step", "the data and the model alone take more, so choose smaller ones."):
        data = build.build_data(config)
        source = open_source(config, build.target_of(config, "model"))
        if source:
            data.inherit(source.fitted())
        data.may_differ = config.resume.force
        data.prepare_data()
        data.setup()
        model = build.build_model(config, data.input, data.target)
        if source:
            source.load_into(model)
        finetuning = build.build_finetuning(config)
        if source and config.initializer != compose.defaults("initializer"):
            warnings.warn(
                "initializer=… reaches only what init_from=… does not bring: a head of another size.", stacklevel=2
            )
        if type(finetuning) is not Full and not source:
            warnings.warn("finetune=… is meant for weights learned before: type init_from=RUN, too.", stacklevel=2)
        finetuning.adapt(model)
        return data, build.build_task(config, model, data.input, data.target), finetuning


def _refuse_unfit(config: DictConfig, run: RunFolder, data: DataModule, task: Task) -> None:
    """What is known only when the data have been read.

    Raises:
        ValueError: if they are others, or the run's weights do not fit what was forced.
    """
    newest = run.checkpoints.newest()
    if newest is None:
        return
    checkpoint = read_checkpoint(newest)
    data.compare(checkpoint.get(type(data).__qualname__, {}))
    reason = first_difference(task.state_dict(), checkpoint["state_dict"]) if config.resume.force else None
    if reason:
        raise ValueError(resume.unfit(config.resume.run, reason))


def _trainer(
    config: DictConfig, folder: Path, task: Task, finetuning: Full, loggers: list[RunLogger], reporter: Reporter | None
) -> Trainer:
    watchers = [TestSamples(logger.show, logger.num_shown) for logger in loggers if logger.num_shown]
    for logger in loggers:
        logger.log_hyperparams(OmegaConf.to_container(OmegaConf.load(folder / "config.yaml")))  # type: ignore[arg-type]
    callbacks = [
        *build.build_callbacks(config, task.objective),
        finetuning,
        *([reporter] if reporter else []),
        Stop(interruption),
        FreshStart(resume.recipe(config)),
        *watchers,
    ]
    return build.build_trainer(config, task.model, callbacks=callbacks, logger=loggers, default_root_dir=folder)


def _fit(trainer: Trainer, task: Task, data: DataModule, run: RunFolder, summary: Summary) -> None:
    """Trains from the newest checkpoint on; from the start where there is none."""
    checkpoint = run.checkpoints.newest()
    before = run.checkpoints.facts(checkpoint).get("seconds", 0.0) if checkpoint else 0.0
    saving = trainer.checkpoint_callback
    if isinstance(saving, Checkpoint):
        saving.seconds_before = before
    started = time.monotonic()
    where = f"on {trainer.strategy.root_device.type} with data.batch_size={data.batch_size}"
    try:
        with memory.told(where, memory.advice_for_training(data.batch_size)):
            trainer.fit(task, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    finally:
        if data.has_changed and data.may_differ:  # else it was refused
            summary.add(forced=[*summary.values.get("forced", []), "the training data"])
    seconds = before + time.monotonic() - started
    num_samples = trainer.global_step * data.batch_size * trainer.accumulate_grad_batches
    summary.add(
        fit_seconds=round(seconds, 3),
        samples_per_second=round(num_samples / seconds, 1),
        peak_memory_mb=peak_memory_mb(),
        num_epochs=trainer.current_epoch,
        num_steps=trainer.global_step,
        **({"num_skipped_steps": trainer.non_finite.num_skipped} if trainer.non_finite.skips else {}),
    )


def _keep(trainer: Trainer, task: Task, data: DataModule, summary: Summary) -> None:
    """What a model without weights gets instead of training: metrics on the validation part, and a checkpoint."""
    log.info("nothing to train: the model has no weights, so it is tested as it is")
    with _told_of_evaluation(trainer, data, Path(trainer.default_root_dir)):
        trainer.validate(task, datamodule=data, verbose=False)
    for callback in trainer.checkpoint_callbacks:
        if isinstance(callback, Checkpoint):
            callback.keep(trainer)
    summary.add(fit_seconds=0.0, peak_memory_mb=peak_memory_mb(), num_epochs=0, num_steps=0)


def _test(trainer: Trainer, task: Task, data: DataModule, run: RunFolder, summary: Summary) -> None:
    """Tests the best model by validation, and adds the metrics of its epoch."""
    trainer.strategy.barrier()  # only the first process writes checkpoints, and all read them
    if run.best:
        best = run.checkpoint()
        task.load_state_dict(best["state_dict"])
        kept = best["callbacks"]["Checkpoint"]
        summary.add(best_epoch=kept["best_epoch"], **kept["best_metrics"])
    with _told_of_evaluation(trainer, data, run.path):
        trainer.test(task, datamodule=data, verbose=False)
    results = {name: value.item() for name, value in trainer.callback_metrics.items() if name.startswith("test/")}
    summary.add(**results)
    log.info("\n%s", table(results))


def _told_of_evaluation(trainer: Trainer, data: DataModule, folder: Path) -> AbstractContextManager[None]:
    half = max(1, data.batch_size // 2)
    return memory.told(
        f"on {trainer.strategy.root_device.type} in the test, with data.batch_size={data.batch_size}",
        f"what was trained is kept, so type iolaus evaluate {folder} data.batch_size={half}.",
    )


def _settle_batch_size(
    config: DictConfig, overrides: list[str], trainer: Trainer, task: Task, data: DataModule
) -> None:
    if config.trainer.batch_size == "auto":
        data.batch_size = find_batch_size(trainer, task, data)
        write_config(Path(trainer.default_root_dir), *compose.with_batch_size(config, overrides, data.batch_size))
    elif trainer.strategy.root_device.type == "cpu":
        _warn_of_memory(task, data)


def _warn_of_memory(task: Task, data: DataModule) -> None:
    """On a CPU nothing else would say it: the system ends what takes too much."""
    sample = data.normalize(data.train.batch(torch.arange(1))).input
    warning = memory.shortage(task.model, sample, data.batch_size)
    if warning:
        warnings.warn(warning, stacklevel=2)


def _announce(choices: dict[str, str], data: DataModule, size: str, trainer: Trainer, folder: Path) -> None:
    log.info("data   %s: %s", choices["data"], data.describe())
    log.info("model  %s: %s", choices["model"], size)
    log.info("device %s × %d, precision %s", trainer.strategy.root_device.type, trainer.world_size, trainer.precision)
    log.info("folder %s", folder)


def _count(task: Task) -> tuple[int, int]:
    """The model's parameters, and how many of them learn."""
    parameters = list(task.model.parameters())
    return sum(each.numel() for each in parameters), sum(each.numel() for each in parameters if each.requires_grad)
