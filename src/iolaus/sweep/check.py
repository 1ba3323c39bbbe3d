"""What is wrong with a sweep, found before its first trial: a sentence for each mistake."""

import math
import warnings
from collections.abc import Callable

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from iolaus.config.compose import compose, override_key
from iolaus.secrets import mask_override
from iolaus.sweep.objective import COSTS, Goal, Mode, goals
from iolaus.sweep.plan import Plan, plan
from iolaus.sweep.space import Value, dimension
from iolaus.sweep.surroundings import refuse_unready

Problems = Callable[[list[str]], list[str]]

# Options meet where something is built of them. Whether two of them go together need be asked only there, so of a grid
# over model.dim and optimizer.lr every value is checked once, and not every point.
_MEETINGS = (
    ("data", "model", "task", "loss", "finetune", "initializer"),
    ("optimizer", "scheduler"),
    ("trainer", "callbacks", "logger"),
)
# A point takes tens of milliseconds: of larger grids every value is checked, and this many points more.
_MOST_POINTS, _MOST_LOOKED_AT = 64, 10_000


def problems_of(overrides: list[str], problems_of_run: Problems) -> list[str]:
    """problems_of_run: the same for the overrides of one run."""
    try:
        sweep = plan(overrides)
        refuse_unready(sweep.options)
    except (HydraException, OmegaConfBaseException):
        return problems_of_run(_singles(overrides))
    except ValueError as error:
        return [str(error)]
    points = [[*sweep.fixed, *sweep.space.overrides(params)] for params in _points(sweep)]
    points[0] += sweep.own
    try:
        compose(points[0])
    except (HydraException, OmegaConfBaseException):  # a swept key that does not exist, and not once for each value
        return problems_of_run(points[0])
    found = [problem for point in points for problem in problems_of_run(point)]
    return list(dict.fromkeys(found)) or _own_problems(sweep)


def find_goals(sweep: Plan) -> list[Goal]:
    """Raises ValueError if the trials have no common objective, or none of their metrics is called so."""
    from iolaus.config import build  # imports torch

    own: dict[tuple[str, Mode], str] = {}
    for composed in sweep.samples:
        own.setdefault(build.task_class(composed.config).objective, composed.choices["task"])
    asked = sweep.options.objective
    if len(own) > 1 and asked is None:
        each = " and ".join(f"{metric} (task={task})" for (metric, _), task in own.items())
        raise ValueError(f"the trials have different objectives: {each}; sweep over one task at a time.")
    found = goals(asked, next(iter(own)))
    unknown = [goal.metric for goal in found if not goal.is_cost and goal.metric not in {name for name, _ in own}]
    if unknown:
        _refuse_unknown(unknown, [*sweep.fixed, *sweep.space.overrides(sweep.space.samples()[0])])
    return found


def warn_of_other_data(sweep: Plan) -> None:
    """Results on different data cannot be compared, and who sweeps over models may not know that one brings its own."""
    if any(override_key(text) == "data" for text in (*sweep.fixed, *(d.key + "=" for d in sweep.space.dimensions))):
        return
    by_data: dict[str, list[str]] = {}
    for params, composed in zip(sweep.space.samples(), sweep.samples, strict=True):
        shown = " ".join(f"{key}={value}" for key, value in params.items() if _is_group(key))
        by_data.setdefault(composed.choices["data"], []).append(shown)
    if len(by_data) > 1:
        each = "; ".join(f"data={data}: {', '.join(dict.fromkeys(shown))}" for data, shown in by_data.items())
        warnings.warn(f"the trials run on different data, so they cannot be compared ({each})", stacklevel=2)


def _is_group(key: str) -> bool:
    return "." not in key


def _refuse_unknown(names: list[str], overrides: list[str]) -> None:
    from iolaus.sweep.probe import validation_metrics

    known = validation_metrics(tuple(overrides))
    for name in names:
        if name not in known:
            there_are = ", ".join([*sorted(known), *COSTS])
            raise ValueError(f"sweep.objective={name}: no run has such a metric; there are {there_are}.")


def _own_problems(sweep: Plan) -> list[str]:
    """What concerns the sweep as a whole."""
    options = sweep.options
    swept = {dimension.name for dimension in sweep.space.dimensions}
    typed = swept | set(map(override_key, sweep.fixed))
    found = [
        f"{key}: every trial has its own folder; type sweep.dir=…"
        for key in ("run_dir", "resume", "resume.run")
        if key in typed
    ]
    if "seed" in swept and options.seeds > 1:
        found.append("sweep.seeds runs every point with several seeds, so seed cannot be swept as well.")
    if isinstance(options.objective, list) and len(options.objective) > 1 and sweep.pruner is not None:
        found.append("sweep/pruner: a trial can be stopped early for one objective only; type sweep/pruner=none.")
    if options.engine == "slurm" and options.address not in (None, "local"):
        found.append(
            f"sweep.address={options.address}: SLURM has no address; local tries sweep.engine=slurm without it."
        )
    return found + _told_secrets(sweep)


def _told_secrets(sweep: Plan) -> list[str]:
    """What the study, or a job that is sent elsewhere, would keep as it is."""
    instead = "give it as '${oc.env:NAME}', which every trial reads for itself."
    texts = {
        key: text
        for params in sweep.space.samples()
        for key, text in zip(params, sweep.space.overrides(params), strict=True)
    }
    found = [
        f"{key} is swept over, and holds a secret, which the study would write down: {instead}"
        for key, text in texts.items()
        if mask_override(text) != text
    ]
    if sweep.options.engine == "slurm":
        found += [
            f"{override_key(text)} holds a secret, and sweep.engine=slurm writes each job to a file: {instead}"
            for text in sweep.fixed
            if mask_override(text) != text
        ]
    return found


def _points(sweep: Plan) -> list[dict[str, Value]]:
    """Points that hold every value, and of a grid as many as it takes for all to meet that can."""
    points = sweep.space.samples()
    if math.isinf(sweep.space.size):
        return points
    met = {meeting for point in points for meeting in _meetings(point)}
    most = len(points) + _MOST_POINTS
    for point in map(sweep.space.point, range(min(_MOST_LOOKED_AT, int(sweep.space.size)))):
        meetings = _meetings(point)
        if not meetings <= met and len(points) < most:
            points.append(point)
            met |= meetings
    return points


def _meetings(point: dict[str, Value]) -> set[tuple[tuple[str, Value], ...]]:
    """What is built together at this point. A group may bring companions from any other."""
    return {
        tuple((key, value) for key, value in point.items() if _is_group(key) or key.split(".")[0] in groups)
        for groups in _MEETINGS
    }


def _singles(overrides: list[str]) -> list[str]:
    """With the first value of each that is swept: what is wrong shows there as well."""
    singles = []
    for text in overrides:
        try:
            override = OverridesParser.create().parse_override(text)
            swept = dimension(override) if override.is_sweep_override() else None
        except (HydraException, ValueError):
            swept = None
        singles.append(text if swept is None else swept.override(swept.ends()[0]))
    return singles
