"""The adaptive softmax: which of very many tokens each place has, without a score for every one of them."""

import torch
from torch import Tensor, nn

from iolaus.layers.features import Features

_FREQUENT, _COMMON = 16, 4  # one token in so many is frequent, one in so many not of the rarest


class AdaptiveHead(nn.Module):
    """Features (B, L, D) → log-probabilities (B, L, V), whose tokens go by how frequent they are, the first most.

    Grave et al. 2017, "Efficient softmax approximation for GPUs", arXiv:1609.04309. A first softmax is over the
    frequent tokens and two groups of rarer ones; within a group there is another, from a quarter and a sixteenth of the
    features. Learning asks for one token at each place, so that few places have to look into a group.
    """

    bounds: Tensor

    def __init__(self, dim: int, size: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_frequent, num_common = max(1, size // _FREQUENT), max(2, size // _COMMON)
        self.register_buffer("bounds", torch.tensor([self.num_frequent, num_common]), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.frequent = nn.Linear(dim, self.num_frequent + 2)
        self.rare = nn.ModuleList(
            nn.Sequential(nn.Linear(dim, width, bias=False), nn.Linear(width, num_tokens, bias=False))
            for width, num_tokens in (
                (max(1, dim // 4), num_common - self.num_frequent),
                (max(1, dim // 16), size - num_common),
            )
        )

    def forward(self, features: Features) -> Tensor:
        values = self.dropout(features.values)
        first = self.frequent(values).float().log_softmax(-1)
        parts = [first[..., : self.num_frequent]]
        for number, rare in enumerate(self.rare):
            whole = first[..., self.num_frequent + number].unsqueeze(-1)
            parts.append(whole + rare(values).float().log_softmax(-1))
        return torch.cat(parts, dim=-1)

    def cross_entropy(self, features: Features, target: Tensor) -> Tensor:
        """At each place, where these tokens are right, (B, L) both: without a look at most of the others."""
        values, target = self.dropout(features.values).flatten(0, 1), target.flatten()  # (T, D), (T,)
        first = self.frequent(values).float().log_softmax(-1)
        group = torch.bucketize(target, self.bounds, right=True)  # 0: a frequent token
        column = torch.where(group == 0, target, self.num_frequent + group - 1)
        log_p = first.gather(1, column.unsqueeze(1)).squeeze(1)
        for number, rare in enumerate(self.rare):
            places = (group == number + 1).nonzero().squeeze(1)
            within = rare(values[places]).float().log_softmax(-1)
            asked = (target[places] - self.bounds[number]).unsqueeze(1)
            log_p = log_p.index_add(0, places, within.gather(1, asked).squeeze(1))
        return -log_p.unflatten(0, features.values.shape[:2])
