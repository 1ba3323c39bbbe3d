"""Networks from scratch under torch: the same numbers as torch's own, whatever happens before backward."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from iolaus.models.scratch import ScratchCNN, ScratchMLP, ScratchRNN
from iolaus.spec import Classes, Forecast, Image, Series, Text

CLASSES = Classes(("a", "b", "c"))
PICTURES = Image(2, 8, 6)


def pictures(seed: int = 0) -> Tensor:
    return torch.randn(5, 2, 8, 6, generator=torch.Generator().manual_seed(seed)).double()


def step_by_step(parts: nn.ModuleDict, x: Tensor, mask: Tensor | None = None) -> Tensor:
    """The last state of a recurrent twin, in torch."""
    x = parts["embedding"](x) if "embedding" in parts else x
    cell = parts["cell"]
    h = c = torch.zeros(len(x), cell.hidden_size).double()
    for step in range(x.shape[1]):
        new_h, new_c = cell(x[:, step], (h, c)) if isinstance(cell, nn.LSTMCell) else (cell(x[:, step], h), c)
        goes_on = torch.ones(len(x), 1, dtype=torch.bool) if mask is None else mask[:, step, None]
        h, c = torch.where(goes_on, new_h, h), torch.where(goes_on, new_c, c)
    return h


def in_torch(model: nn.Module, x: Tensor) -> Tensor:
    """What the same network gives where torch runs it."""
    parts, project = model.body.twin, model.head.answer.twin["project"]
    if isinstance(model, ScratchCNN):
        return project(parts(x).mean((2, 3)))
    if isinstance(model, ScratchRNN):
        rows = x.transpose(1, 2).flatten(2) if x.ndim == 4 else x
        return project(step_by_step(parts, rows, None if x.is_floating_point() else x != 0))
    if x.is_floating_point():
        return project(parts["hidden"](x.flatten(1)))
    mask = (x != 0).unsqueeze(-1)
    return project(parts["hidden"]((parts["embedding"](x) * mask).sum(1) / mask.sum(1)))


MODELS = [
    (ScratchMLP, {"dim": 7, "num_layers": 3, "activation": "mish"}),
    (ScratchCNN, {"dim": 3, "num_layers": 4}),
    (ScratchRNN, {"dim": 7, "cell": "rnn"}),
    (ScratchRNN, {"dim": 7, "cell": "gru"}),
    (ScratchRNN, {"dim": 7, "cell": "lstm"}),
]
every = pytest.mark.parametrize(("kind", "options"), MODELS, ids=lambda value: getattr(value, "__name__", str(value)))


@every
@pytest.mark.parametrize("input", [PICTURES, Text(20, 6)], ids=["pictures", "text"])
def test_training_goes_as_in_torch(kind, options, input):
    if not isinstance(input, kind.reads):
        pytest.skip("a convolutional network reads no text")
    ours = kind(input, CLASSES, **options).double()
    theirs = copy.deepcopy(ours)
    my_optimizer, your_optimizer = (torch.optim.AdamW(model.parameters(), lr=0.01) for model in (ours, theirs))
    for step in range(10):
        x = pictures(step) if input is PICTURES else 1 + (torch.arange(30).view(5, 6) * (step + 3)) % 19
        x = x if input is PICTURES else x.where(torch.arange(6) < torch.tensor([6, 5, 1, 3, 6])[:, None], 0)
        target = (torch.arange(5) + step) % 3
        losses = F.cross_entropy(ours(x), target), F.cross_entropy(in_torch(theirs, x), target)
        torch.testing.assert_close(*losses, rtol=1e-10, atol=1e-10)
        for loss, optimizer in zip(losses, (my_optimizer, your_optimizer), strict=True):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    for (name, mine), yours in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        if not name.endswith("num_batches_tracked"):
            torch.testing.assert_close(mine, yours, rtol=1e-8, atol=1e-8)


@every
def test_pictures_get_gradients(kind, options):
    model = kind(PICTURES, CLASSES, **options).double()
    mine, yours = pictures().requires_grad_(), pictures().requires_grad_()
    model(mine).square().sum().backward()
    in_torch(model, yours).square().sum().backward()
    torch.testing.assert_close(mine.grad, yours.grad)


def test_each_backward_belongs_to_its_own_forward():
    """Two forward passes, then a step, then both backwards: each with the weights that it saw."""
    model = ScratchMLP(PICTURES, CLASSES, dim=4).double()
    expected = [torch.autograd.grad(model(pictures(n)).square().sum(), model.parameters()) for n in (0, 1)]
    outputs = [model(pictures(n)) for n in (0, 1)]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    for output, gradients in zip(outputs, expected, strict=True):
        torch.testing.assert_close(torch.autograd.grad(output, model.parameters(), 2 * output), gradients)


def test_a_retained_graph_serves_again():
    model = ScratchMLP(PICTURES, CLASSES, dim=4).double()
    loss = model(pictures()).sum()
    first = torch.autograd.grad(loss, model.parameters(), retain_graph=True)
    torch.testing.assert_close(torch.autograd.grad(loss, model.parameters()), first)


def test_frozen_weights_get_no_gradients():
    model = ScratchCNN(PICTURES, CLASSES, dim=3)
    model.body.requires_grad_(False)
    model(pictures().float()).sum().backward()
    assert all(parameter.grad is None for parameter in model.body.parameters())
    assert all(parameter.grad is not None for parameter in model.head.parameters())


def test_nothing_is_recorded_under_no_grad():
    model = ScratchMLP(PICTURES, CLASSES, dim=4)
    with torch.no_grad():
        assert not model(pictures().float()).requires_grad


def test_running_averages_are_kept():
    model, x = ScratchCNN(PICTURES, CLASSES, dim=3).double(), pictures()
    twin = copy.deepcopy(model)
    model(x)
    in_torch(twin, x)
    torch.testing.assert_close(model.body.twin[0][1].running_var, twin.body.twin[0][1].running_var)
    before = copy.deepcopy(model.state_dict())
    model.eval()(x)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize("kind", [ScratchMLP, ScratchRNN])
def test_a_forecast_moves_with_its_window(kind):
    model = kind(Series(2, 12), Forecast(2, 4), dim=5).double()
    x = torch.randn(3, 12, 2, generator=torch.Generator().manual_seed(0)).double()
    torch.testing.assert_close(model(3 * x + 100), 3 * model(x) + 100, rtol=1e-3, atol=1e-3)


def test_forecasts_of_what_is_not_read():
    with pytest.raises(ValueError, match="3 channels go in and 2 are to be forecast"):
        ScratchMLP(Series(3, 12), Forecast(2, 4))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_precision_is_kept(dtype: torch.dtype):
    model = ScratchMLP(PICTURES, CLASSES, dim=4).to(dtype)
    output = model(pictures().to(dtype))
    output.sum().backward()
    assert {output.dtype, *(parameter.grad.dtype for parameter in model.parameters())} == {dtype}
