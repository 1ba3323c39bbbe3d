"""Warns of what was said and changes nothing: options of another engine, an order where a sampler chooses, …"""

import warnings
from collections.abc import Iterator

from iolaus.sweep.options import Options
from iolaus.sweep.plan import Plan

_ENGINES_OF = {"cores": ("ray", "slurm"), "address": ("ray", "slurm"), "slurm": ("slurm",)}


def warn_of_no_effect(sweep: Plan) -> None:
    for sentence in (*_options_of_other_engines(sweep), *_orders(sweep), *_trials_beyond_the_grid(sweep)):
        warnings.warn(sentence, stacklevel=2)
    if sweep.pruner is not None and all(composed.config.trainer.max_epochs == 1 for composed in sweep.samples):
        warnings.warn(
            "sweep/pruner has no effect with trainer.max_epochs=1: nothing is saved by ending a trial after its last.",
            stacklevel=2,
        )


def _options_of_other_engines(sweep: Plan) -> Iterator[str]:
    options, default = sweep.options, Options()
    for name, engines in _ENGINES_OF.items():
        if options.engine not in engines and getattr(options, name) != getattr(default, name):
            able = " and ".join(f"sweep.engine={engine}" for engine in engines)
            yield f"sweep.{name} has no effect with sweep.engine={options.engine}: it is for {able}."


def _orders(sweep: Plan) -> Iterator[str]:
    if sweep.sampler is None:
        return
    sampler = sweep.sampler["_target_"].rpartition(".")[2]
    for dimension in sweep.space.dimensions:
        if dimension.is_shuffled:
            yield f"{dimension.name}=shuffle(…) has no effect: {sampler} proposes values in an order of its own."


def _trials_beyond_the_grid(sweep: Plan) -> Iterator[str]:
    asked = sweep.options.trials
    if sweep.is_grid and asked is not None and asked > sweep.space.size:
        size = int(sweep.space.size)
        yield f"sweep.trials={asked}: the grid has {size} points, each of them a trial; sweep.seeds=N repeats it."
