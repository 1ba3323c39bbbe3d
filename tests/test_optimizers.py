"""Every optimizer's options are real, learns, and resumes exactly; parameters are grouped as they should be."""

import copy
import inspect
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hydra.utils import get_class, instantiate
from omegaconf import OmegaConf
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from iolaus.callbacks.l1 import L1
from iolaus.optimizers import parameter_groups
from iolaus.optimizers.muon import Muon

CONF = Path(__file__).parents[1] / "conf"
NAMES = sorted(path.stem for path in (CONF / "optimizer").glob("*.yaml"))

# What decides how an optimizer computes, not what: a user may still add it, as in `+optimizer.fused=true`.
TECHNICAL = {"foreach", "fused", "capturable", "differentiable", "maximize", "kwargs"}


def factory(name: str, **changes: Any) -> Callable[[list[dict[str, Any]]], torch.optim.Optimizer]:
    node = OmegaConf.merge(OmegaConf.load(CONF / "optimizer" / f"{name}.yaml"), changes)
    return instantiate(node, _convert_="all")


class Model(nn.Module):
    """An embedding, a hidden layer with norm and positions, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(7, 8)
        self.positions = nn.Parameter(torch.zeros(3, 8))
        self.hidden = nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8), nn.Tanh())
        self.head = nn.Linear(8, 2)

    def stages(self) -> list[nn.Module]:
        return [self.embedding, self.hidden, self.head]

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.hidden(self.embedding(x) + self.positions).mean(dim=1))


def toy(seed: int = 0) -> tuple[Model, Callable[[], Tensor]]:
    torch.manual_seed(seed)
    model, x = Model(), torch.randint(7, (32, 3))
    target = (x.sum(dim=1) > 9).long()
    return model, lambda: nn.functional.cross_entropy(model(x), target)


def train(optimizer: torch.optim.Optimizer, loss: Callable[[], Tensor], num_steps: int) -> None:
    for _ in range(num_steps):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()


def groups_by_name(model: nn.Module) -> dict[str, list[str]]:
    names = {parameter: name for name, parameter in model.named_parameters()}
    return {group["name"]: [names[parameter] for parameter in group["params"]] for group in parameter_groups(model)}


def test_there_are_ten_optimizers() -> None:
    assert len(NAMES) == 10


@pytest.mark.parametrize("name", NAMES)
def test_yaml_lists_the_options_of_the_real_signature(name: str) -> None:
    node = OmegaConf.load(CONF / "optimizer" / f"{name}.yaml")
    first, *options = inspect.signature(get_class(node._target_)).parameters
    assert first in ("params", "groups")
    assert {key for key in node if not key.startswith("_")} == set(options) - TECHNICAL


@pytest.mark.parametrize("name", NAMES)
def test_options_reach_the_groups(name: str) -> None:
    model, _ = toy()
    optimizer = factory(name, lr=0.003, weight_decay=0.07)(parameter_groups(model))
    assert {group["lr"] for group in optimizer.param_groups} == {0.003}
    assert {group["name"]: group["weight_decay"] for group in optimizer.param_groups} == {
        "matrices": 0.07,
        "weights": 0.07,
        "undecayed": 0.0,
    }


@pytest.mark.parametrize("name", NAMES)
def test_learns_and_resumes_exactly(name: str) -> None:
    model, loss = toy()
    optimizer = factory(name)(parameter_groups(model))
    before = loss().item()
    train(optimizer, loss, 10)
    stored = copy.deepcopy((model.state_dict(), optimizer.state_dict()))
    train(optimizer, loss, 10)
    assert loss().item() < before

    other, other_loss = toy()
    resumed = factory(name)(parameter_groups(other))
    other.load_state_dict(stored[0])
    resumed.load_state_dict(stored[1])
    train(resumed, other_loss, 10)
    for expected, got in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(expected, got)


@pytest.mark.parametrize("name", NAMES)
def test_state_is_plain_enough_to_be_loaded_safely(name: str, tmp_path: Path) -> None:
    model, loss = toy()
    optimizer = factory(name)(parameter_groups(model))
    train(optimizer, loss, 1)
    torch.save(optimizer.state_dict(), tmp_path / "state.pt")
    stored = torch.load(tmp_path / "state.pt", weights_only=True)
    assert stored["param_groups"] == optimizer.state_dict()["param_groups"]


@pytest.mark.parametrize("name", NAMES)
def test_closure_is_called_once_with_gradients(name: str) -> None:
    model, loss = toy()
    optimizer = factory(name)(parameter_groups(model))
    losses = []

    def closure() -> Tensor:
        optimizer.zero_grad()
        losses.append(loss())
        losses[-1].backward()
        return losses[-1]

    assert optimizer.step(closure) is losses[0]
    assert len(losses) == 1


LENGTH = "parametrizations.weight.original0"

MODULES: dict[str, tuple[Callable[[], nn.Module], set[str]]] = {
    "Linear": (lambda: nn.Linear(3, 4), {"weight"}),
    "Bilinear": (lambda: nn.Bilinear(2, 3, 4), {"weight"}),
    "Conv1d": (lambda: nn.Conv1d(3, 4, 3), {"weight"}),
    "Conv2d": (lambda: nn.Conv2d(3, 4, 3), {"weight"}),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(3, 4, 3), {"weight"}),
    "RNN": (lambda: nn.RNN(3, 4), {"weight_ih_l0", "weight_hh_l0"}),
    "LSTM": (
        lambda: nn.LSTM(3, 4, proj_size=2, bidirectional=True),
        {f"weight_{kind}_l0{way}" for kind in ("ih", "hh", "hr") for way in ("", "_reverse")},
    ),
    "GRU": (lambda: nn.GRU(3, 4), {"weight_ih_l0", "weight_hh_l0"}),
    "MultiheadAttention": (lambda: nn.MultiheadAttention(4, 2), {"in_proj_weight", "out_proj.weight"}),
    "MultiheadAttention with other keys": (
        lambda: nn.MultiheadAttention(4, 2, kdim=3, vdim=5, add_bias_kv=True),
        {"q_proj_weight", "k_proj_weight", "v_proj_weight", "out_proj.weight"},
    ),
    "Conv1d with weight norm": (lambda: weight_norm(nn.Conv1d(3, 4, 3)), {LENGTH}),
    "Linear with weight norm": (lambda: weight_norm(nn.Linear(3, 4)), {LENGTH}),
    "GRU with weight norm": (
        lambda: weight_norm(nn.GRU(3, 4), "weight_hh_l0"),
        {"weight_ih_l0", "parametrizations.weight_hh_l0.original0"},
    ),
    "Linear with spectral norm": (lambda: spectral_norm(nn.Linear(3, 4)), {"parametrizations.weight.original"}),
    "Embedding with weight norm": (lambda: weight_norm(nn.Embedding(5, 4)), set()),
    "Embedding": (lambda: nn.Embedding(5, 4), set()),
    "EmbeddingBag": (lambda: nn.EmbeddingBag(5, 4), set()),
    "LayerNorm": (lambda: nn.LayerNorm((3, 4)), set()),
    "RMSNorm": (lambda: nn.RMSNorm((3, 4)), set()),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(4), set()),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(4), set()),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), set()),
    "InstanceNorm2d": (lambda: nn.InstanceNorm2d(4, affine=True), set()),
    "PReLU": (lambda: nn.PReLU(4), set()),
    "bare parameter": (
        lambda: nn.ParameterDict({"positions": torch.zeros(1, 3, 4), "token": torch.zeros(1, 4)}),
        set(),
    ),
}


@pytest.mark.parametrize(("build", "decayed"), MODULES.values(), ids=MODULES)
def test_weights_decay_and_nothing_else(build: Callable[[], nn.Module], decayed: set[str]) -> None:
    module = build()
    groups = groups_by_name(module)
    undecayed = groups.pop("undecayed", [])
    assert {name for names in groups.values() for name in names} == decayed
    assert sorted([*decayed, *undecayed]) == sorted(name for name, _ in module.named_parameters())


def test_matrices_are_those_of_hidden_stages() -> None:
    assert groups_by_name(Model()) == {
        "matrices": ["hidden.0.weight"],
        "weights": ["head.weight"],
        "undecayed": [
            "positions",
            "embedding.weight",
            "hidden.0.bias",
            "hidden.1.weight",
            "hidden.1.bias",
            "head.bias",
        ],
    }


def test_convolutions_are_weights_but_no_matrices() -> None:
    assert groups_by_name(nn.Sequential(nn.Conv2d(3, 4, 1, bias=False))) == {"weights": ["0.weight"]}


def test_what_weight_norm_splits_is_no_matrix() -> None:
    model = Model()
    weight_norm(model.hidden[0])
    groups = groups_by_name(model)
    assert "matrices" not in groups
    assert groups["weights"] == [f"hidden.0.{LENGTH}", "head.weight"]


def test_a_weight_split_by_weight_norm_decays_as_it_would_in_one_piece() -> None:
    torch.manual_seed(0)
    layer = nn.Conv1d(3, 4, 5)
    split = weight_norm(copy.deepcopy(layer))
    for model in (layer, split):
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
        torch.optim.AdamW(parameter_groups(model), lr=0.1, weight_decay=0.5).step()
    torch.testing.assert_close(split.weight, layer.weight)
    torch.testing.assert_close(split.bias, layer.bias)


def test_l1_draws_whole_filters_of_a_weight_split_by_weight_norm() -> None:
    torch.manual_seed(0)
    split = weight_norm(nn.Conv1d(3, 4, 5))
    optimizer = torch.optim.SGD(parameter_groups(split), lr=1.0)
    before = split.weight.detach().clone()  # (out, in, steps)
    for parameter in split.parameters():
        parameter.grad = torch.zeros_like(parameter)
    L1(strength=0.01).on_before_optimizer_step(SimpleNamespace(), SimpleNamespace(), optimizer)  # type: ignore[arg-type]
    optimizer.step()
    lengths = before.flatten(1).norm(dim=1).view(-1, 1, 1)
    torch.testing.assert_close(split.weight, before * (lengths - 0.01) / lengths)


def test_frozen_parameters_belong_to_no_group() -> None:
    model = Model()
    model.hidden.requires_grad_(False)
    assert groups_by_name(model) == {
        "weights": ["head.weight"],
        "undecayed": ["positions", "embedding.weight", "head.bias"],
    }


@pytest.mark.parametrize("embedding_first", [True, False])
def test_a_weight_shared_with_an_embedding_does_not_decay(embedding_first: bool) -> None:
    parts = {"embedding": nn.Embedding(5, 4), "head": nn.Linear(4, 5, bias=False)}
    parts["head"].weight = parts["embedding"].weight
    model = nn.ModuleDict(parts if embedding_first else dict(reversed(parts.items())))
    (group,) = parameter_groups(model)
    assert group["name"] == "undecayed"
    assert len(group["params"]) == 1


def test_muon_is_torchs_muon_and_adamw_step_by_step() -> None:
    model, loss = toy()
    reference, reference_loss = toy()
    muon = factory("muon")(parameter_groups(model))
    groups = {group["name"]: group["params"] for group in parameter_groups(reference)}
    both = [
        torch.optim.Muon(
            groups["matrices"], lr=1e-3, weight_decay=0.1, momentum=0.95, ns_steps=5, adjust_lr_fn="match_rms_adamw"
        ),
        torch.optim.AdamW(
            [{"params": groups["weights"]}, {"params": groups["undecayed"], "weight_decay": 0.0}],
            lr=1e-3,
            weight_decay=0.1,
            betas=(0.9, 0.95),
        ),
    ]
    for _ in range(10):
        train(muon, loss, 1)
        reference_loss().backward()
        for optimizer in both:
            optimizer.step()
            optimizer.zero_grad()
        for got, expected in zip(model.parameters(), reference.parameters(), strict=True):
            assert torch.equal(got, expected)


def test_muon_takes_jordans_scale_and_a_second_rate() -> None:
    model, _ = toy()
    optimizer = factory("muon", scale="spectral", lr=0.02, adamw_lr=0.003)(parameter_groups(model))
    assert {group["name"]: group["lr"] for group in optimizer.param_groups} == {
        "matrices": 0.02,
        "weights": 0.003,
        "undecayed": 0.003,
    }
    assert optimizer.param_groups[0]["adjust_lr_fn"] == "original"


@pytest.mark.parametrize("reload", [False, True])
def test_muon_follows_rates_that_a_scheduler_sets(reload: bool) -> None:
    model, loss = toy()
    optimizer = factory("muon")(parameter_groups(model))
    if reload:
        optimizer.load_state_dict(optimizer.state_dict())
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    before = copy.deepcopy(model.state_dict())
    train(optimizer, loss, 2)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_muon_trains_a_group_that_comes_later() -> None:
    model, loss = toy()
    model.requires_grad_(False)
    model.head.requires_grad_(True)
    with pytest.warns(UserWarning, match="AdamW trains all of it"):
        optimizer = Muon(parameter_groups(model))
    model.hidden[0].weight.requires_grad_(True)
    optimizer.add_param_group({"params": [model.hidden[0].weight], "name": "matrices"})
    before = model.hidden[0].weight.clone()
    train(optimizer, loss, 1)
    assert not torch.equal(before, model.hidden[0].weight)
    assert set(optimizer.state[model.hidden[0].weight]) == {"momentum_buffer"}


def test_a_copy_of_muon_works_on_its_own() -> None:
    model, loss = toy()
    pair = (model, factory("muon")(parameter_groups(model)))
    train(pair[1], loss, 1)
    other, optimizer = copy.deepcopy(pair)
    before = copy.deepcopy(model.state_dict())
    other(torch.zeros(2, 3, dtype=torch.long)).sum().backward()
    optimizer.step()
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert not torch.equal(before["hidden.0.weight"], other.hidden[0].weight)


def test_muon_without_matrices_says_so() -> None:
    with pytest.warns(UserWarning, match="no matrices in hidden layers"):
        factory("muon")(parameter_groups(nn.Conv2d(1, 2, 3)))
