"""The adaptive softmax against torch's, and its shortcut against itself."""

import pytest
import torch
from torch import Tensor, nn

from iolaus.layers.adaptive_softmax import AdaptiveHead
from iolaus.layers.features import Features

DIM, SIZE = 32, 200  # 12 frequent tokens, groups up to 50 and 200


@pytest.fixture
def head() -> AdaptiveHead:
    torch.manual_seed(0)
    return AdaptiveHead(DIM, SIZE)


@pytest.fixture
def features() -> Features:
    return Features(torch.randn(3, 40, DIM, generator=torch.Generator().manual_seed(1)))


@pytest.fixture
def target() -> Tensor:
    return torch.randint(SIZE, (3, 40), generator=torch.Generator().manual_seed(2))


def with_weights_of(head: AdaptiveHead) -> nn.AdaptiveLogSoftmaxWithLoss:
    theirs = nn.AdaptiveLogSoftmaxWithLoss(DIM, SIZE, [12, 50], div_value=4.0, head_bias=True)
    theirs.head.load_state_dict(head.frequent.state_dict())
    theirs.tail.load_state_dict(head.rare.state_dict())
    return theirs


def test_equals_torchs(head: AdaptiveHead, features: Features, target: Tensor) -> None:
    theirs = with_weights_of(head)
    torch.testing.assert_close(head(features).flatten(0, 1), theirs.log_prob(features.values.flatten(0, 1)))
    loss, expected = (
        head.cross_entropy(features, target).mean(),
        theirs(features.values.flatten(0, 1), target.flatten()),
    )
    torch.testing.assert_close(loss, expected.loss)
    loss.backward()
    expected.loss.backward()
    for (name, ours), other in zip(head.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, other.grad, msg=name)


def test_the_shortcut_finds_what_all_scores_say(head: AdaptiveHead, features: Features, target: Tensor) -> None:
    everything = head(features)
    torch.testing.assert_close(everything.exp().sum(-1), torch.ones(3, 40))
    asked = -everything.gather(2, target.unsqueeze(2)).squeeze(2)
    torch.testing.assert_close(head.cross_entropy(features, target), asked)


@pytest.mark.parametrize("target", [0, 30, 199])
def test_groups_that_nobody_asks_for_learn_nothing(head: AdaptiveHead, features: Features, target: int) -> None:
    """And have a gradient all the same: zeros, and no NaN."""
    head.cross_entropy(features, torch.full((3, 40), target)).mean().backward()
    learns = [bool(next(group.parameters()).grad.any()) for group in head.rare]  # type: ignore[union-attr]
    assert learns == [target == 30, target == 199]


@pytest.mark.parametrize(("dim", "size"), [(1, 3), (8, 6), (4, 40)])
def test_small_vocabularies_have_groups_too(dim: int, size: int) -> None:
    head, features = AdaptiveHead(dim, size), Features(torch.randn(1, size, dim))
    torch.testing.assert_close(head(features).exp().sum(-1), torch.ones(1, size))
    assert head.cross_entropy(features, torch.arange(size)[None]).isfinite().all()


def test_sums_are_exact_where_products_are_bfloat16(head: AdaptiveHead, features: Features, target: Tensor) -> None:
    exact = head.cross_entropy(features, target)
    with torch.autocast("cpu", torch.bfloat16):
        close, everything = head.cross_entropy(features, target), head(features)
    assert close.dtype == everything.dtype == torch.float32
    torch.testing.assert_close(close, exact, atol=0.05, rtol=0.01)
    torch.testing.assert_close(everything.exp().sum(-1), torch.ones(3, 40))
