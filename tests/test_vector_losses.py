"""Losses that compare vectors, against torch's own on every pair and triplet, one by one."""

from collections.abc import Callable
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from iolaus.losses import Contrastive, CosineEmbedding, SupervisedContrastive, Triplet

LABELS = torch.tensor([0, 1, 0, 2, 1, 0, 3])  # 3 is alone
B = len(LABELS)
ALL: list[Callable[[], nn.Module]] = [
    Triplet,
    lambda: Triplet(mining="all"),
    Contrastive,
    SupervisedContrastive,
    CosineEmbedding,
]


@pytest.fixture
def vectors() -> Tensor:
    drawn = torch.randn(B, 5, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    return F.normalize(drawn, dim=1).requires_grad_()


def triplets() -> list[tuple[int, int, int]]:
    return [
        (one, two, three)
        for one, two, three in product(range(B), repeat=3)
        if one != two and LABELS[one] == LABELS[two] and LABELS[one] != LABELS[three]
    ]


def torch_triplet(vectors: Tensor, margin: float) -> Tensor:
    one, two, three = (list(places) for places in zip(*triplets(), strict=True))
    return F.triplet_margin_loss(
        vectors[one], vectors[two], vectors[three], margin=margin, eps=0.0, reduction="none"
    )  # fmt: skip


def test_triplets_that_cost_something_are_torchs(vectors: Tensor) -> None:
    each = torch_triplet(vectors, 0.5)
    torch.testing.assert_close(Triplet(margin=0.5, mining="all")(vectors, LABELS), each[each > 0].mean())


def test_the_hardest_triplet_of_each_sample_is_torchs(vectors: Tensor) -> None:
    each = torch_triplet(vectors, 2.5)  # all cost something
    hardest: dict[int, Tensor] = {}
    for (one, _, _), cost in zip(triplets(), each, strict=True):
        hardest[one] = torch.maximum(hardest.get(one, cost), cost)
    torch.testing.assert_close(Triplet(margin=2.5)(vectors, LABELS), torch.stack(list(hardest.values())).mean())


def test_contrastive_is_the_formula_of_the_paper(vectors: Tensor) -> None:
    costs = []
    for one, two in product(range(B), repeat=2):
        if one != two:
            far = (vectors[one] - vectors[two]).norm()
            costs.append(far**2 / 2 if LABELS[one] == LABELS[two] else (1.2 - far).clamp(min=0) ** 2 / 2)
    torch.testing.assert_close(Contrastive(margin=1.2)(vectors, LABELS), torch.stack(costs).mean())


def test_supervised_contrastive_is_the_formula_of_the_paper(vectors: Tensor) -> None:
    costs = []
    for one in range(B):
        others = [other for other in range(B) if other != one]
        total = torch.stack([(vectors[one] @ vectors[other] / 0.2).exp() for other in others]).sum()
        same = [other for other in others if LABELS[other] == LABELS[one]]
        if same:
            shares = torch.stack([(vectors[one] @ vectors[other] / 0.2).exp() / total for other in same])
            costs.append(-shares.log().mean())
    torch.testing.assert_close(SupervisedContrastive(temperature=0.2)(vectors, LABELS), torch.stack(costs).mean())


def test_cosine_embedding_is_the_mean_over_all_pairs(vectors: Tensor) -> None:
    costs = []
    for one, two in product(range(B), repeat=2):
        if one < two:
            cosine = F.cosine_similarity(vectors[one], vectors[two], dim=0)
            costs.append(1 - cosine if LABELS[one] == LABELS[two] else (cosine - 0.1).clamp(min=0))
    torch.testing.assert_close(CosineEmbedding(margin=0.1)(vectors, LABELS), torch.stack(costs).mean())


@pytest.mark.parametrize("make", ALL)
def test_gradients(make: Callable[[], nn.Module], vectors: Tensor) -> None:
    assert torch.autograd.gradcheck(make(), (vectors, LABELS))


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("labels", [torch.arange(B), torch.zeros(B, dtype=torch.long)])
def test_a_batch_with_nothing_to_compare_costs_something_finite(
    make: Callable[[], nn.Module], labels: Tensor, vectors: Tensor
) -> None:
    loss = make()(vectors, labels)
    loss.backward()
    assert loss.isfinite()
    assert vectors.grad is not None
    assert vectors.grad.isfinite().all()


@pytest.mark.parametrize("make", ALL)
def test_vectors_that_fell_together_have_finite_gradients(make: Callable[[], nn.Module]) -> None:
    vectors = torch.ones(B, 4).requires_grad_()
    make()(vectors, LABELS).backward()
    assert vectors.grad is not None
    assert vectors.grad.isfinite().all()


@pytest.mark.parametrize("make", ALL)
def test_a_sample_by_itself_costs_nothing(make: Callable[[], nn.Module]) -> None:
    vector = torch.ones(1, 4).requires_grad_()
    loss = make()(vector, LABELS[:1])
    loss.backward()
    assert loss == 0
    assert vector.grad is not None
    assert not vector.grad.any()


@pytest.mark.parametrize("make", ALL)
def test_mixed_precision_drops_no_digits(make: Callable[[], nn.Module], vectors: Tensor) -> None:
    plain, mixed = (vectors.detach().float().requires_grad_() for _ in range(2))
    make()(plain, LABELS).backward()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = make()(mixed, LABELS)
    loss.backward()
    assert loss.dtype == torch.float32
    assert plain.grad is not None
    assert mixed.grad is not None
    assert torch.equal(plain.grad, mixed.grad)


@pytest.mark.parametrize("make", ALL)
def test_labels_are_classes(make: Callable[[], nn.Module], vectors: Tensor) -> None:
    with pytest.raises(ValueError, match="compares vectors by their classes"):
        make()(vectors, torch.rand(B))
