"""Optimizers, schedules, clipping and initializers against torch's; networks that learn."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from iolaus import scratch
from iolaus.scratch import SGD, Linear, Module, MSELoss, Parameter, Sequential, Sigmoid, Tanh, Tensor, manual_seed

from .against_torch import close, numbers

OPTIMIZERS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "weight_decay": 0.01}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.003, "alpha": 0.9, "momentum": 0.9, "weight_decay": 0.01}),
    ("Adam", {}),
    ("Adam", {"lr": 0.01, "betas": (0.8, 0.95), "weight_decay": 0.01}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.01, "weight_decay": 0.1}),
]


def three_layers(library) -> tuple:
    parts = [library.Linear(4, 8), library.Tanh(), library.Linear(8, 8), library.Mish(), library.Linear(8, 2)]
    return library.Sequential(*parts)


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
def test_a_network_of_three_layers_after_100_steps(name: str, options: dict):
    """With a schedule and clipping on the way."""
    theirs = three_layers(nn).double()
    ours = three_layers(scratch)
    ours.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
    my_optimizer = getattr(scratch, name)(ours.parameters(), **options)
    your_optimizer = getattr(torch.optim, name)(theirs.parameters(), **options)
    my_schedule = scratch.CosineAnnealingLR(my_optimizer, 120)
    your_schedule = lr_scheduler.CosineAnnealingLR(your_optimizer, 120)
    for step in range(100):
        x, y = numbers(step, 16, 4), numbers(step + 1000, 16, 2)
        for model, optimizer, schedule, kind, library, clip in (
            (ours, my_optimizer, my_schedule, Tensor, scratch, scratch.clip_grad_norm_),
            (theirs, your_optimizer, your_schedule, torch.tensor, nn, nn.utils.clip_grad_norm_),
        ):
            optimizer.zero_grad()
            library.MSELoss()(model(kind(x)), kind(y)).backward()
            clip(model.parameters(), 0.5)
            optimizer.step()
            schedule.step()
    for path, parameter in ours.named_parameters():
        close(parameter, theirs.get_parameter(path), tolerance=1e-8)


SCHEDULES: list[tuple[str, dict]] = [
    ("StepLR", {"step_size": 3, "gamma": 0.5}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("LinearLR", {"start_factor": 0.1, "total_iters": 4}),
    ("CosineAnnealingLR", {"T_max": 10, "eta_min": 0.01}),
    ("LambdaLR", {"lr_lambda": lambda step: 1 / (1 + step)}),
]


@pytest.mark.parametrize(("name", "options"), SCHEDULES, ids=[name for name, _ in SCHEDULES])
def test_schedules(name: str, options: dict):
    mine, yours = SGD([Parameter([1.0])], lr=0.3), torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.3)
    my_schedule, your_schedule = getattr(scratch, name)(mine, **options), getattr(lr_scheduler, name)(yours, **options)
    for _ in range(11):
        assert mine.lr == pytest.approx(yours.param_groups[0]["lr"], abs=1e-12)
        yours.step()
        my_schedule.step()
        your_schedule.step()


@pytest.mark.parametrize("limit", [0.1, 100.0])
@pytest.mark.parametrize("name", ["clip_grad_norm_", "clip_grad_value_"])
def test_clipping(name: str, limit: float):
    mine = [Parameter(numbers(n, 3, 2)) for n in range(3)]
    yours = [torch.tensor(parameter.data, requires_grad=True) for parameter in mine]
    for number, (a, b) in enumerate(zip(mine, yours, strict=True)):
        if number:  # the first has none
            (a * a).sum().backward()
            (b * b).sum().backward()
    assert getattr(scratch, name)(mine, limit) == pytest.approx(getattr(nn.utils, name)(yours, limit))
    for a, b in zip(mine[1:], yours[1:], strict=True):
        close(a.grad, b.grad)


INITIALIZERS: list[tuple[Callable, tuple[int, ...], float]] = [
    (scratch.xavier_uniform_, (200, 300), (2 / 500) ** 0.5),
    (scratch.xavier_normal_, (200, 300), (2 / 500) ** 0.5),
    (scratch.kaiming_uniform_, (200, 300), (2 / 300) ** 0.5),
    (scratch.kaiming_normal_, (200, 300), (2 / 300) ** 0.5),
    (scratch.kaiming_normal_, (64, 32, 3, 3), (2 / (32 * 9)) ** 0.5),
]


@pytest.mark.parametrize(("fill", "shape", "std"), INITIALIZERS)
def test_initial_weights_have_the_variance_of_their_formula(fill: Callable, shape: tuple[int, ...], std: float):
    weight = Parameter(np.empty(shape))
    assert fill(weight) is weight
    assert weight.data.std() == pytest.approx(std, rel=0.02)
    assert abs(weight.data.mean()) < 0.01 * std


@pytest.mark.parametrize("shape", [(5, 5), (3, 8), (8, 3), (4, 2, 3)])
def test_orthogonal_weights(shape: tuple[int, ...]):
    matrix = scratch.orthogonal_(Parameter(np.empty(shape)), gain=2.0).data.reshape(shape[0], -1) / 2
    gram = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-12)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: scratch.Adam([]), "needs parameters"),
        (lambda: scratch.Adam([Parameter([1.0])], lr=-1.0), "lr=-1.0"),
        (lambda: scratch.xavier_uniform_(Parameter([1.0])), "no fan-in"),
    ],
)
def test_what_cannot_be_is_said(wrong: Callable, message: str):
    with pytest.raises(ValueError, match=message):
        wrong()


def xor_is_learned(seed: int, num_steps: int = 2000) -> bool:
    """Whether all four answers come within 0.1 of the truth."""
    x, y = Tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), Tensor([[0.0], [1.0], [1.0], [0.0]])
    manual_seed(seed)
    model = Sequential(Linear(2, 4), Tanh(), Linear(4, 1), Sigmoid())
    optimizer = SGD(model.parameters(), lr=2.0)
    for _ in range(num_steps):
        output = model(x)
        if abs(output.data - y.data).max() < 0.1:
            return True
        optimizer.zero_grad()
        MSELoss()(output, y).backward()
        optimizer.step()
    return False


def test_xor_is_learned_from_every_seed():
    assert [seed for seed in range(100) if not xor_is_learned(seed)] == []


class Speller(Module):
    """Reads one character after the other, and says which comes next."""

    def __init__(self, num_characters: int) -> None:
        self.embedding = scratch.Embedding(num_characters, 16)
        self.cell = scratch.RNNCell(16, 48)
        self.head = Linear(48, num_characters)

    def forward(self, text: Tensor) -> Tensor:
        h, states = Tensor(np.zeros((text.shape[0], 48))), []
        for step in range(text.shape[1]):
            h = self.cell(self.embedding(text[:, step]), h)
            states.append(h)
        return self.head(scratch.stack(states, 1))


def test_a_recurrent_network_learns_a_short_text():
    text = "the torch that beat the hydra: for every head cut off, fire."
    characters = sorted(set(text))
    codes = np.array([[characters.index(character) for character in text]])
    manual_seed(0)
    model = Speller(len(characters))
    optimizer = scratch.Adam(model.parameters(), lr=0.01)
    for _ in range(80):
        optimizer.zero_grad()
        logits = model(Tensor(codes[:, :-1])).reshape(-1, len(characters))
        scratch.CrossEntropyLoss()(logits, Tensor(codes[0, 1:])).backward()
        optimizer.step()
    said = "".join(characters[code] for code in model(Tensor(codes[:, :-1])).argmax(-1).data[0])
    assert said == text[1:]
