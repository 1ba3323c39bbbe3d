"""Recurrent layers over padded sequences, in one direction or in both."""

from typing import Any

import torch
from torch import Tensor, nn

Cell = type[nn.RNN] | type[nn.LSTM] | type[nn.GRU]


class Recurrence(nn.Module):
    """A stack of recurrent layers, (B, L, D) → (B, L, D). With both directions, each gives half of the features.

    Reading forwards, padding at the end comes too late to matter. To read backwards, the real tokens of each sequence
    are turned round where they stand, so that padding comes last again (Schuster & Paliwal 1997 for the two directions,
    doi:10.1109/78.650093). That is what packed sequences are for, but without asking the device for lengths.

    Raises:
        ValueError: if two directions cannot share `dim`.
    """

    def __init__(
        self, cell: Cell, dim: int, *, num_layers: int = 1, bidirectional: bool = False, dropout: float = 0.0
    ) -> None:
        super().__init__()
        if bidirectional and dim % 2:
            raise ValueError(f"model.dim={dim} cannot be shared by two directions: type model.dim={dim + 1}.")
        hidden_dim = dim // 2 if bidirectional else dim
        self.forwards = nn.ModuleList(cell(dim, hidden_dim, batch_first=True) for _ in range(num_layers))
        self.backwards = nn.ModuleList(
            cell(dim, hidden_dim, batch_first=True) for _ in range(num_layers if bidirectional else 0)
        )
        self.dropout = nn.Dropout(dropout)  # between layers

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        turned = _turned(x, mask).unsqueeze(2) if self.backwards else None  # (B, L, 1)
        for number, forwards in enumerate(self.forwards):
            x = x if number == 0 else self.dropout(x)
            ahead, _ = forwards(x)
            if turned is None:
                x = ahead
                continue
            back, _ = self.backwards[number](x.gather(1, turned.expand_as(x)))
            x = torch.cat([ahead, back.gather(1, turned.expand_as(back))], dim=2)
        return x

    def step(self, x: Tensor, state: tuple[Any, ...] | None = None) -> tuple[Tensor, tuple[Any, ...]]:
        """The next token x (B, 1, D), and what each layer kept of those before it."""
        assert not self.backwards, "who reads backwards has to know the end"
        states = []
        for number, forwards in enumerate(self.forwards):
            x = x if number == 0 else self.dropout(x)
            x, kept = forwards(x, None if state is None else _swapped(state[number]))
            states.append(_swapped(kept))
        return x, tuple(states)


def _swapped(state: Any) -> Any:
    """torch's states are (1, B, D), two of them for an LSTM; ours begin with the batch, as everything else does."""
    return tuple(map(_swapped, state)) if isinstance(state, tuple) else state.transpose(0, 1).contiguous()


def _turned(x: Tensor, mask: Tensor | None) -> Tensor:
    """(B, L): where each token goes when the real ones change their order and padding stays."""
    place = torch.arange(x.shape[1], device=x.device).expand(x.shape[:2])
    if mask is None:
        return place.flip(1)
    return torch.where(mask, mask.sum(1, keepdim=True) - 1 - place, place)
