"""Losses against torch's and against their formulas."""

import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import mean_pinball_loss
from torch import Tensor, nn

from iolaus.losses import Asymmetric, CrossEntropy, Dice, Focal, Poly, Quantile

NUM_CLASSES = 5
WEIGHTS = [0.5, 1.0, 2.0, 0.0, 3.0]


@pytest.fixture(params=["index", "probability"])
def target(request: pytest.FixtureRequest) -> Tensor:
    """Of 16 samples, as indices or as probabilities."""
    generator = torch.Generator().manual_seed(1)
    if request.param == "index":
        return torch.randint(NUM_CLASSES, (16,), generator=generator)
    return torch.rand(16, NUM_CLASSES, dtype=torch.double, generator=generator).softmax(dim=1)


@pytest.fixture
def output() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(16, NUM_CLASSES, dtype=torch.double, generator=generator).mul_(3).requires_grad_()


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.3])
def test_cross_entropy_is_torch_s(
    output: Tensor, target: Tensor, weights: list[float] | None, label_smoothing: float
) -> None:
    loss = CrossEntropy(weights=weights, label_smoothing=label_smoothing).double()
    weight = None if weights is None else torch.tensor(weights, dtype=torch.double)
    expected = F.cross_entropy(output, target, weight=weight, label_smoothing=label_smoothing)
    torch.testing.assert_close(loss(output, target), expected)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_focal_without_gamma_is_cross_entropy(output: Tensor, target: Tensor, weights: list[float] | None) -> None:
    weight = None if weights is None else torch.tensor(weights, dtype=torch.double)
    loss = Focal(gamma=0.0, weights=weights).double()(output, target)
    expected = F.cross_entropy(output, target, weight=weight)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(*(torch.autograd.grad(each, output)[0] for each in (loss, expected)))


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_focal_gradient(output: Tensor, target: Tensor, gamma: float, weights: list[float] | None) -> None:
    assert torch.autograd.gradcheck(Focal(gamma=gamma, weights=weights).double(), (output, target))


def test_focal_is_the_formula_of_the_paper() -> None:
    p = torch.tensor([[0.9, 0.1], [0.3, 0.7]])
    expected = -((1 - 0.9) ** 2 * p[0, 0].log() + (1 - 0.3) ** 2 * p[1, 0].log()) / 2
    torch.testing.assert_close(Focal(gamma=2.0)(p.log(), torch.tensor([0, 0])), expected)


def test_one_hot_probabilities_are_indices(output: Tensor) -> None:
    index = torch.arange(16) % NUM_CLASSES
    one_hot = F.one_hot(index, NUM_CLASSES).to(output.dtype)
    for loss in (CrossEntropy(), Focal(gamma=2.0), Poly(), Asymmetric(), Dice()):
        torch.testing.assert_close(loss(output, one_hot), loss(output, index))


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_poly_without_epsilon_is_cross_entropy(output: Tensor, target: Tensor, weights: list[float] | None) -> None:
    loss = Poly(epsilon=0.0, weights=weights).double()(output, target)
    weight = None if weights is None else torch.tensor(weights, dtype=torch.double)
    torch.testing.assert_close(loss, F.cross_entropy(output, target, weight=weight))


def test_poly_is_the_formula_of_the_paper() -> None:
    p = torch.tensor([[0.9, 0.1], [0.3, 0.7]])
    expected = (-(p[0, 0].log() + p[1, 0].log()) + 2.0 * (0.1 + 0.7)) / 2
    torch.testing.assert_close(Poly(epsilon=2.0)(p.log(), torch.tensor([0, 0])), expected)


def test_asymmetric_without_focus_is_binary_cross_entropy(output: Tensor, target: Tensor) -> None:
    shares = target if target.is_floating_point() else F.one_hot(target, NUM_CLASSES).to(output.dtype)
    expected = F.binary_cross_entropy_with_logits(output, shares, reduction="none").sum(1).mean()
    loss = Asymmetric(gamma_positive=0.0, gamma_negative=0.0, clip=0.0)
    torch.testing.assert_close(loss(output, target), expected)


def test_asymmetric_is_the_formula_of_the_paper() -> None:
    p = torch.tensor([[0.8, 0.3, 0.01]])
    shifted = (p - 0.05).clamp(min=0)
    expected = -(0.2 * p[0, 0].log() + shifted[0, 1] ** 4 * (1 - shifted[0, 1]).log())  # 0.01 lies below the clip
    torch.testing.assert_close(Asymmetric()(p.logit(), torch.tensor([0])), expected)


@pytest.mark.parametrize("logit", [10.0, 20.0, 100.0])
def test_asymmetric_without_clip_goes_on_where_a_probability_rounds_to_one(logit: float) -> None:
    output = torch.tensor([[logit, -logit]], requires_grad=True)
    loss = Asymmetric(gamma_positive=0.0, gamma_negative=0.0, clip=0.0)(output, torch.tensor([1]))
    loss.backward()
    assert loss.item() == pytest.approx(2 * logit, abs=1e-3)
    torch.testing.assert_close(output.grad, torch.tensor([[1.0, -1.0]]), atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    "loss", [Poly(epsilon=2.0), Asymmetric(), Dice(), Dice(weights=WEIGHTS), Poly(weights=WEIGHTS)]
)
def test_gradients_of_losses_of_classes(loss: nn.Module, output: Tensor, target: Tensor) -> None:
    assert torch.autograd.gradcheck(loss.double(), (output, target))


def test_dice_is_the_formula_of_the_paper() -> None:
    p = torch.tensor([[0.9, 0.1], [0.3, 0.7]])  # right are class 0, then class 1
    each = [2 * 0.9 / (0.9**2 + 0.3**2 + 1), 2 * 0.7 / (0.1**2 + 0.7**2 + 1)]
    expected = 1 - sum(each) / 2
    assert Dice(smoothing=0.0)(p.log(), torch.tensor([0, 1])).item() == pytest.approx(expected)


def test_dice_of_what_is_right_is_nothing_and_of_what_is_wrong_all() -> None:
    target = torch.arange(8).view(1, 2, 4) % 2
    right = 1000.0 * F.one_hot(target, 2).movedim(-1, 1).float()
    assert Dice()(right, target).item() == pytest.approx(0.0, abs=1e-6)
    assert Dice(smoothing=0.0)(-right, target).item() == pytest.approx(1.0)
    absent = 1000.0 * F.one_hot(target, 3).movedim(-1, 1).float()  # a class that is nowhere is rightly said nowhere
    assert Dice()(absent, target).item() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("loss", [CrossEntropy(), Focal(), Poly(), Asymmetric(), CrossEntropy(label_smoothing=0.1)])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("shares", [False, True])
def test_every_place_of_a_mask_counts_like_a_sample(loss: nn.Module, weights: list[float] | None, shares: bool) -> None:
    if weights is not None and not isinstance(loss, Asymmetric):
        loss = type(loss)(weights=weights)  # type: ignore[call-arg]
    generator = torch.Generator().manual_seed(0)
    output = torch.randn(3, NUM_CLASSES, 4, 6, generator=generator)
    target = torch.randint(NUM_CLASSES, (3, 4, 6), generator=generator)
    if shares:
        target = torch.randn(output.shape, generator=generator).softmax(dim=1)
    flat = (flattened(output), flattened(target) if shares else target.flatten())
    torch.testing.assert_close(loss(output, target), loss(*flat))


def flattened(x: Tensor) -> Tensor:
    """(B, C, H, W) → (B · H · W, C)"""
    return x.movedim(1, -1).flatten(0, 2)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_certainty_leaves_gradients_finite(sign: float, target: Tensor) -> None:
    index = torch.arange(16) % NUM_CLASSES
    for loss in (Poly(), Asymmetric(), Asymmetric(gamma_positive=0.5, gamma_negative=0.5, clip=0.0), Dice()):
        output = (sign * 300 * F.one_hot(index, NUM_CLASSES).float()).requires_grad_()
        loss(output, target if not target.is_floating_point() else target.float()).backward()
        assert output.grad is not None
        assert output.grad.isfinite().all(), loss


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("one_hot", [False, True])
def test_focal_stays_finite_where_all_is_certain(gamma: float, one_hot: bool) -> None:
    output = torch.tensor([[200.0, -200.0], [-200.0, 200.0]], requires_grad=True)
    index = torch.tensor([0, 0])  # one certainly right, one certainly wrong
    loss = Focal(gamma=gamma)(output, F.one_hot(index, 2).float() if one_hot else index)
    loss.backward()
    assert loss.item() == pytest.approx(200)
    assert output.grad is not None
    assert output.grad.isfinite().all()


TWO = [1.0, 2.0]


@pytest.mark.parametrize("loss", [CrossEntropy(weights=TWO), Focal(weights=TWO), Poly(weights=TWO), Dice(weights=TWO)])
def test_weights_are_one_per_class(loss: nn.Module, output: Tensor) -> None:
    with pytest.raises(ValueError, match=r"loss\.weights has 2 values, but there are 5 classes"):
        loss(output, torch.zeros(16, dtype=torch.long))


@pytest.mark.parametrize(
    "loss", [CrossEntropy(weights=WEIGHTS), Focal(weights=WEIGHTS), Poly(weights=WEIGHTS), Dice(weights=WEIGHTS)]
)
def test_weights_move_with_the_loss(loss: nn.Module) -> None:
    assert [buffer.tolist() for buffer in loss.buffers()] == [WEIGHTS]


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_quantile_is_sklearns_pinball_loss(quantile: float) -> None:
    output, target = torch.randn(2, 4, 12, 3, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    expected = mean_pinball_loss(target.flatten(), output.flatten(), alpha=quantile)
    assert Quantile(quantile=quantile)(output, target).item() == pytest.approx(expected)


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_quantile_is_least_at_the_quantile(quantile: float) -> None:
    came = torch.randn(1001, generator=torch.Generator().manual_seed(0))
    best = min(came, key=lambda value: Quantile(quantile=quantile)(value.expand_as(came), came).item())
    assert best == came.quantile(quantile)


def test_quantile_does_not_spread_one_value_over_many() -> None:
    with pytest.raises(ValueError, match="compares values with values"):
        Quantile()(torch.zeros(4, 3), torch.zeros(4))
