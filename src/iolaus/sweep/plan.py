"""What a sweep's command line means: its options, what it ranges over, and what holds for every trial."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from iolaus.config.compose import Composed, compose, is_own, override_key
from iolaus.sweep.options import Options
from iolaus.sweep.space import Space, dimension


@dataclass(frozen=True)
class Plan:
    """options: of the sweep, with the nodes of sampler and pruner as they are in the config.
    fixed: the overrides that all trials share.
    own: the overrides that concern the sweep itself, and no run.
    """

    options: Options
    fixed: list[str]
    own: list[str]
    space: Space
    config: DictConfig

    @cached_property
    def samples(self) -> list[Composed]:
        """The configs of points that hold every value once."""
        return [compose([*self.fixed, *self.space.overrides(params)]) for params in self.space.samples()]

    @property
    def sampler(self) -> DictConfig | None:
        return self.config.sweep.sampler

    @property
    def pruner(self) -> DictConfig | None:
        node = self.config.sweep.pruner
        return node if "_target_" in node else None

    @property
    def is_grid(self) -> bool:
        return self.sampler is None


_NUM_TRIALS = 20  # of a sweep that could go on for ever
_LARGEST_GRID = 10_000  # that runs whole without being asked for


def plan(overrides: list[str]) -> Plan:
    """Reads a sweep's overrides, which have been found to compose.

    Raises:
        ValueError: if they range over nothing, or over too much.
    """
    return _plan(tuple(overrides))


@lru_cache(maxsize=1)  # each step of the command asks for it
def _plan(overrides: tuple[str, ...]) -> Plan:
    own, runs = _split(overrides)
    parser = OverridesParser.create()
    params: dict[str, Any] = OmegaConf.to_container(compose(own).config.sweep.params)  # type: ignore[assignment]
    typed = {override_key(text) for text in runs}
    texts = [f"{key}={_text(value)}" for key, value in params.items() if override_key(key) not in typed] + runs
    parsed = [parser.parse_override(text) for text in texts]
    fixed = [override.input_line or "" for override in parsed if not override.is_sweep_override()]
    space = Space(tuple(dimension(override) for override in parsed if override.is_sweep_override()))
    config = _with_default_sampler(compose([*fixed, *own]).config, own, space)
    options = _options(config)
    _refuse_bad_size(space, options, is_grid=config.sweep.sampler is None)
    return Plan(options, fixed, own, space, config)


def _split(overrides: Iterable[str]) -> tuple[list[str], list[str]]:
    """The sweep's own overrides, and those of its runs (Hydra's are neither)."""
    own = [text for text in overrides if is_own(text)]
    runs = [text for text in overrides if not is_own(text) and not override_key(text).startswith("hydra")]
    return own, runs


def num_trials(plan: Plan) -> int:
    """How many trials make the sweep whole."""
    asked = plan.options.trials
    if plan.is_grid:
        return int(plan.space.size) if asked is None else int(min(asked, plan.space.size))
    return asked or _NUM_TRIALS


def _with_default_sampler(config: DictConfig, own: list[str], space: Space) -> DictConfig:
    """A range without a word about how to go through it is searched with TPE."""
    if not space.has_intervals or config.sweep.sampler is not None:
        return config
    if any(override_key(text) == "sweep" for text in own):
        name = next(dimension.key for dimension in space.dimensions if dimension.values is None)
        raise ValueError(
            f"{name}: a grid cannot list an interval; type {name}=range(…) or {name}=choice(…), or sweep=tpe."
        )
    tpe = compose(["sweep=tpe"]).config.sweep.sampler
    config = config.copy()
    OmegaConf.set_readonly(config, False)
    config.sweep.sampler = tpe
    return config


def _options(config: DictConfig) -> Options:
    values: dict[str, Any] = OmegaConf.to_container(config.sweep, resolve=True)  # type: ignore[assignment]
    return Options(**{key: value for key, value in values.items() if key != "_target_"})


def _refuse_bad_size(space: Space, options: Options, *, is_grid: bool) -> None:
    if not space.dimensions:
        raise ValueError(
            "there is nothing to sweep over: give a key several values, as in model=mlp,lstm or "
            "'optimizer.lr=interval(1e-4,1e-1)'."
        )
    if is_grid and options.trials is None and space.size > _LARGEST_GRID:
        raise ValueError(
            f"this grid has {int(space.size):,} points: type sweep.trials=100, say, to run so many of them, "
            "or sweep=tpe to search."
        )


def _text(value: Any) -> str:
    if isinstance(value, (list, dict)) or value is None or isinstance(value, (bool, int, float)):
        return Override._get_value_element_as_str(value)
    return str(value)
