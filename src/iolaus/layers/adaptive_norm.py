"""Layer norm whose scale and shift are conditioned on the sample: on a summary of all its places or tokens.

The condition is the mean of the sample's own features before they are normalized, which knows the level and the scale
that the norm takes away. Feature-wise scales and shifts: Perez et al. 2018 (FiLM), arXiv:1709.07871; in place of a
layer norm's own: Peebles & Xie 2023 (DiT), arXiv:2212.09748, where the condition is given from outside.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_RATIO, _LEAST = 16, 4  # the summary is squeezed by this ratio, to no fewer features


class Condition(nn.Module):
    """A summary (B, D) → how much larger each feature's scale is to be, and its shift: (B, D) both, 0 at first."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        hidden = max(dim // _RATIO, _LEAST)
        self.squeeze = nn.Linear(dim, hidden)
        self.excite = nn.Linear(hidden, 2 * dim)
        nn.init.zeros_(self.excite.weight)
        nn.init.zeros_(self.excite.bias)

    def forward(self, summary: Tensor) -> tuple[Tensor, Tensor]:
        scale, shift = self.excite(F.silu(self.squeeze(summary))).chunk(2, dim=1)
        return scale, shift


class SequenceAdaptiveNorm(nn.Module):
    """(B, L, D) → the same; the summary is over the real tokens, so one that looks ahead: not for causal models."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.bias = nn.Parameter(torch.zeros(dim))
        self.condition = Condition(dim)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        if mask is None:
            summary = x.mean(dim=1)
        else:
            real = mask.unsqueeze(2)
            summary = (x * real).sum(dim=1) / real.sum(dim=1).clamp(min=1).to(x.dtype)
        scale, shift = (part.unsqueeze(1) for part in self.condition(summary))  # (B, 1, D)
        plain = F.layer_norm(x, x.shape[2:])
        return plain * (self.weight + scale) + self.bias + shift


class MapAdaptiveNorm(SequenceAdaptiveNorm):
    """(B, D, H, W) → the same."""

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        flat = super().forward(x.flatten(2).transpose(1, 2), mask)  # (B, H·W, D)
        return flat.transpose(1, 2).unflatten(2, x.shape[2:])
