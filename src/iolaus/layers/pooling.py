"""One vector per sample from many: (B, L, D) with its mask, or a feature map (B, D, H, W), becomes (B, D')."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Pooling = Literal["mean", "max", "first", "last", "attention", "concat", "flatten"]


def pooling_layer(name: Pooling, dim: int, num_tokens: int) -> "Pool":
    """`num_tokens`: the most tokens there can be. Its result has `output_dim` features.

    A sequence of nothing but padding gives zeros.
    """
    if name == "attention":
        return AttentionPool(dim)
    if name == "flatten":
        return FlattenPool(dim, num_tokens)
    kinds = {"mean": MeanPool, "max": MaxPool, "first": FirstPool, "last": LastPool, "concat": ConcatPool}
    return kinds[name](dim)


class Pool(nn.Module):
    """Shows maps as sequences, and padding as zeros, to the poolings below."""

    def __init__(self, output_dim: int) -> None:
        super().__init__()
        self.output_dim = output_dim

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        if x.ndim == 4:
            x = x.flatten(2).transpose(1, 2)  # (B, D, H, W) → (B, H·W, D)
        if mask is not None:
            x = x * mask.unsqueeze(-1)
        return self.pool(x, mask)

    def pool(self, x: Tensor, mask: Tensor | None) -> Tensor:
        raise NotImplementedError


class MeanPool(Pool):
    def pool(self, x: Tensor, mask: Tensor | None) -> Tensor:
        if mask is None:
            return x.mean(1)
        return x.sum(1) / mask.sum(1, keepdim=True).clamp(min=1).to(x.dtype)


class MaxPool(Pool):
    def pool(self, x: Tensor, mask: Tensor | None) -> Tensor:
        if mask is None:
            return x.amax(1)
        largest = x.masked_fill(~mask.unsqueeze(-1), torch.finfo(x.dtype).min).amax(1)
        return largest * mask.any(1, keepdim=True)


class FirstPool(Pool):
    """The token that a model puts before all others, to gather what they say (Devlin et al. 2019, arXiv:1810.04805)."""

    def pool(self, x: Tensor, mask: Tensor | None) -> Tensor:
        return x[:, 0]


class LastPool(Pool):
    def pool(self, x: Tensor, mask: Tensor | None) -> Tensor:
        if mask is None:
            return x[:, -1]
        last = (mask.sum(1) - 1).clamp(min=0)  # (B,)
        return x.gather(1, last[:, None, None].expand(-1, 1, x.shape[2])).squeeze(1)


class AttentionPool(Pool):
    """The mean, weighted by how each token answers a learned query (Yang et al. 2016, doi:10.18653/v1/N16-1174)."""

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.key = nn.Linear(dim, dim)
        self.query = nn.Linear(dim, 1, bias=False)

    def pool(self, x: Tensor, mask: Tensor | None) -> Tensor:
        score = self.query(self.key(x).tanh())  # (B, L, 1)
        if mask is not None:
            score = score.masked_fill(~mask.unsqueeze(-1), torch.finfo(score.dtype).min)
        return (score.softmax(1) * x).sum(1)


class ConcatPool(Pool):
    """The last token, the maximum and the mean of all, side by side (Howard & Ruder 2018, arXiv:1801.06146)."""

    def __init__(self, dim: int) -> None:
        super().__init__(3 * dim)
        self.parts = LastPool(dim), MaxPool(dim), MeanPool(dim)

    def pool(self, x: Tensor, mask: Tensor | None) -> Tensor:
        return torch.cat([part.pool(x, mask) for part in self.parts], dim=1)


class FlattenPool(Pool):
    """All tokens side by side; shorter sequences are filled up with zeros."""

    def __init__(self, dim: int, num_tokens: int) -> None:
        super().__init__(dim * num_tokens)

    def pool(self, x: Tensor, mask: Tensor | None) -> Tensor:
        flat = x.flatten(1)
        assert flat.shape[1] <= self.output_dim, "more tokens than this was built for"
        return F.pad(flat, (0, self.output_dim - flat.shape[1]))
