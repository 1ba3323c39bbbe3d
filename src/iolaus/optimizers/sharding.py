"""Whether an optimizer can work on slices: under FSDP each process has a piece of every weight, flattened."""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from iolaus.optimizers.groups import MATRICES

_SIZE, _NUM_STEPS = 8, 3  # more than one: the first steps of some are special

Make = Callable[[list[dict[str, Any]]], torch.optim.Optimizer]


def works_on_slices(make: Make) -> bool:
    """Tried on a small matrix: an optimizer that treats each number by itself moves it alike in one piece and in two.

    One that looks at a whole matrix (Muon makes it orthogonal, LAMB takes its norm) does not.
    """
    whole, slices = _moved(make, num_pieces=1), _moved(make, num_pieces=2)
    return slices is not None and whole is not None and torch.allclose(whole, slices, atol=1e-7)


def _moved(make: Make, num_pieces: int) -> Tensor | None:
    """The matrix after some steps, flat; None if the optimizer refuses such pieces."""
    chance = torch.Generator().manual_seed(0)
    matrix, *gradients = (torch.randn(_SIZE, _SIZE, generator=chance) for _ in range(1 + _NUM_STEPS))
    pieces = [nn.Parameter(piece) for piece in _cut(matrix, num_pieces)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            optimizer = make([{"params": pieces, "name": MATRICES}])
            for gradient in gradients:
                for piece, its_gradient in zip(pieces, _cut(gradient, num_pieces), strict=True):
                    piece.grad = its_gradient
                optimizer.step()
    except (ValueError, RuntimeError, IndexError):
        return None
    return torch.cat([piece.detach().flatten() for piece in pieces])


def _cut(matrix: Tensor, num_pieces: int) -> list[Tensor]:
    return [matrix.clone()] if num_pieces == 1 else [piece.clone() for piece in matrix.flatten().chunk(num_pieces)]
