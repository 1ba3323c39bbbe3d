"""Three ways to make one answer of several: their average, their vote, or a model stacked on them."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

By = Literal["average", "vote", "stack"]
Combine = Callable[[list[Tensor]], Tensor]


def average(answers: list[Tensor]) -> Tensor:
    """The mean of probabilities (N, classes) or of values (N, …)."""
    return torch.stack(answers).mean(0)


def vote(answers: list[Tensor]) -> Tensor:
    """How many chose each class, as shares (N, classes); where votes are even, the mean probability decides.

    answers: probabilities (N, classes) of each.
    """
    votes = torch.stack([torch.zeros_like(one).scatter_(1, one.argmax(1, keepdim=True), 1.0) for one in answers])
    return (votes.sum(0) + average(answers) / 2) / (len(answers) + 0.5)  # half a vote outvotes nobody


def stacked(answers: list[Tensor], targets: Tensor) -> Combine:
    """Learns how much to trust each, and returns what combines other answers of theirs.

    Wolpert 1992, doi:10.1016/S0893-6080(05)80023-1. Of classes: logistic regression on all probabilities (Ting & Witten
    1999, doi:10.1613/jair.594). Of values: one weight for each, not negative (Breiman 1996, doi:10.1007/BF00117832);
    no constant, which would keep the level of the validation samples.

    answers: probabilities (N, classes) or values (N, …) of each. targets: (N,) or (N, …).
    """
    return _stacked_values(answers, targets) if targets.is_floating_point() else _stacked_classes(answers, targets)


def _stacked_classes(answers: list[Tensor], targets: Tensor) -> Combine:
    from sklearn.linear_model import LogisticRegression  # a second, for who stacks

    if len(targets.unique()) == 1:
        raise ValueError("--by stack: all validation samples are of one class: there is nothing to learn from them.")
    model = LogisticRegression(max_iter=1000).fit(_side_by_side(answers), targets.numpy())
    known = torch.from_numpy(model.classes_)  # a class without validation samples is never answered

    def combine(others: list[Tensor]) -> Tensor:
        shares = torch.from_numpy(model.predict_proba(_side_by_side(others))).float()
        return torch.zeros_like(others[0]).index_copy(1, known, shares)

    return combine


def _stacked_values(answers: list[Tensor], targets: Tensor) -> Combine:
    from sklearn.linear_model import LinearRegression

    model = LinearRegression(positive=True, fit_intercept=False).fit(_columns(answers), targets.flatten().numpy())
    return lambda others: torch.from_numpy(model.predict(_columns(others))).float().view_as(others[0])


def _side_by_side(answers: list[Tensor]) -> object:
    """(N, members × classes)"""
    return torch.cat(answers, dim=1).double().numpy()


def _columns(answers: list[Tensor]) -> object:
    """(all values, members)"""
    return torch.stack([one.flatten() for one in answers], dim=1).double().numpy()
