"""Every schedule follows its closed form or torch's own over a whole run, resumes exactly, and suits any optimizer."""

import copy
import inspect
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.utils import get_method, instantiate
from omegaconf import OmegaConf
from torch import Tensor, nn
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    LinearLR,
    LRScheduler,
    OneCycleLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)

from iolaus.optimizers import parameter_groups
from iolaus.schedulers import Horizon, Schedule
from tests.failure.fits import parts

CONF = Path(__file__).parents[1] / "conf"
NAMES = sorted(path.stem for path in (CONF / "scheduler").glob("*.yaml"))
OPTIMIZERS = sorted(path.stem for path in (CONF / "optimizer").glob("*.yaml"))
HORIZON = Horizon(steps=40, epochs=10)


def factory(path: str, **changes: Any) -> Callable[..., Any]:
    return instantiate(OmegaConf.merge(OmegaConf.load(CONF / f"{path}.yaml"), changes), _convert_="all")


def schedule(name: str, optimizer: torch.optim.Optimizer, horizon: Horizon = HORIZON, **changes: Any) -> Schedule:
    return factory(f"scheduler/{name}", **changes)(optimizer, horizon)


def sgd(**options: Any) -> torch.optim.SGD:
    """Two groups, each with a rate of its own."""
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "lr": lr} for lr in (1.0, 0.1)]
    return torch.optim.SGD(groups, **options)


def step(scheduler: LRScheduler | None, loss: float) -> None:
    if isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step(loss)
    elif scheduler is not None:
        scheduler.step()


def rates(optimizer: torch.optim.Optimizer, scheduler: LRScheduler | None, num_steps: int) -> list[list[float]]:
    """The rates that each step of a run used, one list per step."""
    used = []
    for _ in range(num_steps):
        used.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
    return used


def close(got: Any, expected: Any) -> bool:
    return torch.allclose(torch.tensor(got), torch.tensor(expected), rtol=1e-5, atol=1e-9)


def test_there_are_seven_schedules() -> None:
    assert len(NAMES) == 7


@pytest.mark.parametrize("name", NAMES)
def test_yaml_says_what_the_signature_says(name: str) -> None:
    node = OmegaConf.to_container(OmegaConf.load(CONF / "scheduler" / f"{name}.yaml"))
    parameters = inspect.signature(get_method(node["_target_"])).parameters.values()
    defaults = {each.name: each.default for each in parameters if each.kind is each.KEYWORD_ONLY}
    assert {key: value for key, value in node.items() if not key.startswith("_")} == defaults


@pytest.mark.parametrize("name", NAMES)
def test_interval_and_dependence_on_length(name: str) -> None:
    made = schedule(name, sgd(momentum=0.9))
    expected = {"constant": False, "step": False, "plateau": False}
    assert made.depends_on_length is expected.get(name, True)
    assert made.interval == ("epoch" if name in expected else "step")
    assert (made.scheduler is None) == (name == "constant")


@pytest.mark.parametrize("name", NAMES)
def test_dependence_on_length_is_told_truly(name: str) -> None:
    short, long = sgd(), sgd()
    made = [schedule(name, short, HORIZON), schedule(name, long, Horizon(steps=80, epochs=20))]
    for _ in range(10):
        for optimizer, scheduler in ((short, made[0].scheduler), (long, made[1].scheduler)):
            optimizer.step()
            step(scheduler, loss=1.0)
    assert (short.param_groups[0]["lr"] != long.param_groups[0]["lr"]) is made[0].depends_on_length


def test_constant_changes_nothing() -> None:
    optimizer = sgd()
    assert rates(optimizer, schedule("constant", optimizer).scheduler, 5) == [[1.0, 0.1]] * 5


def test_step_is_torchs() -> None:
    optimizer, reference = sgd(), sgd()
    made = schedule("step", optimizer, every=3, factor=0.3)
    assert close(rates(optimizer, made.scheduler, 10), rates(reference, StepLR(reference, 3, 0.3), 10))


@pytest.mark.parametrize("final_fraction", [0.0, 0.2])
def test_cosine_is_torchs_with_its_own_floor_for_each_group(final_fraction: float) -> None:
    optimizer = sgd()
    got = rates(optimizer, schedule("cosine", optimizer, final_fraction=final_fraction).scheduler, 41)
    for group, lr in enumerate((1.0, 0.1)):
        reference = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=lr)
        expected = rates(reference, CosineAnnealingLR(reference, 40, final_fraction * lr), 41)
        assert close([step[group] for step in got], [step[0] for step in expected])


@pytest.mark.parametrize("warmup", [0.1, 0.5])
def test_warmup_cosine_is_torchs_line_and_cosine(warmup: float) -> None:
    optimizer, reference = sgd(), sgd()
    num_warmup = round(40 * warmup)
    line = LinearLR(reference, 1 / (num_warmup + 1), total_iters=num_warmup)
    expected = SequentialLR(reference, [line, CosineAnnealingLR(reference, 40 - num_warmup)], [num_warmup])
    got = schedule("warmup_cosine", optimizer, warmup=warmup)
    assert close(rates(optimizer, got.scheduler, 40), rates(reference, expected, 40))


@pytest.mark.parametrize("num_steps", [1, 2, 3, 40])
@pytest.mark.parametrize("warmup", [0.0, 0.05, 1.0])
def test_warmup_cosine_never_stands_still_nor_overshoots(num_steps: int, warmup: float) -> None:
    optimizer = sgd()
    made = schedule("warmup_cosine", optimizer, Horizon(num_steps, 1), warmup=warmup)
    assert all(0 < lr <= 1 for lr, _ in rates(optimizer, made.scheduler, num_steps))


def test_restarts_are_torchs_in_cycles_that_fill_the_run() -> None:
    optimizer, reference = sgd(), sgd()
    made = schedule("cosine_restarts", optimizer, cycles=5)
    assert made.cycle_ends == (8, 16, 24, 32, 40)
    expected = rates(reference, CosineAnnealingWarmRestarts(reference, 8), 40)
    assert close(rates(optimizer, made.scheduler, 40), expected)


@pytest.mark.parametrize("num_steps", [7, 11, 40])
def test_restarts_fall_to_the_floor_in_cycles_that_do_not_divide_the_run(num_steps: int) -> None:
    optimizer = sgd()
    made = schedule("cosine_restarts", optimizer, Horizon(num_steps, 1), cycles=3, final_fraction=0.2)
    used = [lr for lr, _ in rates(optimizer, made.scheduler, num_steps + 1)]
    starts = [0, *made.cycle_ends[:-1]]
    assert [used[start] for start in starts] == [1.0] * 3
    assert made.cycle_ends[-1] == num_steps
    assert used[num_steps] == pytest.approx(0.2)
    for start, end in zip(starts, made.cycle_ends, strict=True):
        assert num_steps // 3 <= end - start <= num_steps // 3 + 1
        assert used[start:end] == sorted(used[start:end], reverse=True)


def test_cosine_restarts_in_a_run_of_fewer_steps_has_a_cycle_for_each() -> None:
    with pytest.warns(UserWarning, match=r"scheduler\.cycles=5 are more than the run's steps: there are 4\."):
        made = schedule("cosine_restarts", sgd(), Horizon(4, 1))
    assert made.cycle_ends == (1, 2, 3, 4)


@pytest.mark.parametrize("warmup", [0.1, 0.3])
@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.AdamW])
def test_onecycle_is_torchs(kind: Any, warmup: float) -> None:
    options = {"betas": (0.95, 0.99)} if kind is torch.optim.AdamW else {"momentum": 0.95}
    ours, torchs = (kind([nn.Parameter(torch.ones(1))], lr=0.5, **options) for _ in range(2))
    made = schedule("onecycle", ours, warmup=warmup)
    reference = OneCycleLR(torchs, 0.5, 40, pct_start=warmup, final_div_factor=1e4)
    key = "betas" if kind is torch.optim.AdamW else "momentum"
    for _ in range(39):
        assert close(ours.param_groups[0]["lr"], torchs.param_groups[0]["lr"])
        assert close(ours.param_groups[0][key], torchs.param_groups[0][key])
        for optimizer, scheduler in ((ours, made.scheduler), (torchs, reference)):
            optimizer.step()
            scheduler.step()
    assert math.isclose(ours.param_groups[0]["lr"], 0.5 * 4e-6)


@pytest.mark.parametrize("num_steps", [1, 2, 3, 10])
@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.3, 1.0])
def test_onecycle_reaches_the_peak_in_runs_of_any_length(num_steps: int, warmup: float) -> None:
    optimizer = sgd()
    made = schedule("onecycle", optimizer, Horizon(num_steps, 1), warmup=warmup)
    highest = max(lr for lr, _ in rates(optimizer, made.scheduler, num_steps))
    assert highest == pytest.approx(1.0)


def test_onecycle_leaves_momentum_alone_where_there_is_none() -> None:
    for optimizer in (sgd(), torch.optim.RMSprop([nn.Parameter(torch.zeros(1))]), sgd(momentum=0.8)):
        before = [group["momentum"] for group in optimizer.param_groups]
        rates(optimizer, schedule("onecycle", optimizer).scheduler, 12)
        assert [group["momentum"] for group in optimizer.param_groups] == before


def test_onecycle_may_be_told_to_leave_momentum_alone() -> None:
    optimizer = sgd(momentum=0.9)
    rates(optimizer, schedule("onecycle", optimizer, low_momentum=None).scheduler, 12)
    assert optimizer.param_groups[0]["momentum"] == 0.9


def test_onecycle_moves_both_kinds_of_momentum_that_muon_has() -> None:
    model, _ = toy()
    optimizer = factory("optimizer/muon")(parameter_groups(model))
    rates(optimizer, schedule("onecycle", optimizer).scheduler, 11)  # 11 is the peak of 40
    matrices, *others = optimizer.param_groups
    assert math.isclose(matrices["momentum"], 0.85)
    assert "betas" not in matrices
    for group in others:
        assert close(group["betas"], (0.85, 0.95))
        assert "momentum" not in group


@pytest.mark.parametrize("mode", ["min", "max"])
def test_plateau_waits_for_the_objective(mode: Any) -> None:
    optimizer = sgd()
    made = schedule("plateau", optimizer, Horizon(40, 10, mode), patience=1, factor=0.5)
    better = -0.1 if mode == "min" else 0.1
    seen = []
    for change in (0, 1, 2, 2, 2, 3, 3, 3):
        made.scheduler.step(1 + better * change)
        seen.append(optimizer.param_groups[0]["lr"])
    assert seen == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25]


def test_plateau_looks_where_there_was_a_validation(tmp_path: Path) -> None:
    rare = ["scheduler=plateau", "scheduler.patience=0", "trainer.max_epochs=4", "trainer.check_val_every_n_epoch=2"]
    trainer, task, data = parts(tmp_path, "model=mlp", "model.dim=4", *rare)
    trainer.fit(task, datamodule=data)
    (config,) = trainer.lr_scheduler_configs
    assert config.scheduler.last_epoch == 2


@pytest.mark.parametrize(("name", "option"), [("step", "every=10"), ("plateau", "patience=8")])
def test_an_option_that_never_acts_is_warned_of(name: str, option: str) -> None:
    key, value = option.split("=")
    with pytest.warns(UserWarning, match=f"scheduler.{option} has no effect in a run of 10 epochs"):
        schedule(name, sgd(), **{key: int(value)})
    schedule(name, sgd(), **{key: int(value) - 1})


@pytest.mark.parametrize("name", ["cosine", "cosine_restarts", "warmup_cosine", "onecycle"])
def test_a_run_without_end_has_no_such_schedule(name: str) -> None:
    with pytest.raises(ValueError, match=r"trainer\.max_epochs=10"):
        schedule(name, sgd(), Horizon(steps=-1, epochs=-1))


def toy() -> tuple[nn.Module, Callable[[], Tensor]]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.Tanh(), nn.Linear(8, 2))
    x = torch.randn(32, 6)
    target = (x[:, 0] > x[:, 1]).long()
    return model, lambda: nn.functional.cross_entropy(model(x), target)


class Run:
    """Twenty steps in five epochs of four, as Lightning does them."""

    def __init__(self, optimizer: str, scheduler: str) -> None:
        self.model, self.loss = toy()
        self.optimizer = factory(f"optimizer/{optimizer}")(parameter_groups(self.model))
        changes = {"step": {"every": 2}, "plateau": {"patience": 0, "threshold": 0.5}}.get(scheduler, {})
        self.schedule = schedule(scheduler, self.optimizer, Horizon(20, 5), **changes)

    def go(self, steps: range) -> None:
        for number in steps:
            self.optimizer.zero_grad()
            loss = self.loss()
            loss.backward()
            self.optimizer.step()
            if self.schedule.interval == "step" or number % 4 == 3:
                step(self.schedule.scheduler, loss.item())

    def state(self) -> dict[str, Any]:
        scheduler = self.schedule.scheduler
        return copy.deepcopy(
            {
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "scheduler": scheduler and scheduler.state_dict(),
            }
        )

    def load(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.schedule.scheduler is not None:
            self.schedule.scheduler.load_state_dict(state["scheduler"])


@pytest.mark.parametrize("scheduler", NAMES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_pair_learns_and_resumes_exactly(optimizer: str, scheduler: str, tmp_path: Path) -> None:
    whole = Run(optimizer, scheduler)
    before = whole.loss().item()
    whole.go(range(10))
    torch.save(whole.state(), tmp_path / "half.ckpt")
    whole.go(range(10, 20))
    assert whole.loss().item() < before

    resumed = Run(optimizer, scheduler)
    resumed.load(torch.load(tmp_path / "half.ckpt", weights_only=True))
    resumed.go(range(10, 20))
    for expected, got in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(expected, got)
    assert resumed.optimizer.state_dict()["param_groups"] == whole.optimizer.state_dict()["param_groups"]
