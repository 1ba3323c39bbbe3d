"""Additive attention (Bahdanau et al. 2015, arXiv:1409.0473): a small network scores how well query and memory fit."""

import torch
from torch import Tensor, nn


class AdditiveAttention(nn.Module):
    """softmax(v·tanh(W query + U memory)) as the weights of a mean of the memory."""

    def __init__(self, query_dim: int, memory_dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.query = nn.Linear(query_dim, hidden_dim, bias=False)
        self.key = nn.Linear(memory_dim, hidden_dim)
        self.score = nn.Linear(hidden_dim, 1, bias=False)

    def forward(self, query: Tensor, memory: Tensor, keys: Tensor, mask: Tensor | None = None) -> Tensor:
        """query (B, Q), memory (B, L, M), keys (B, L, H) = `key(memory)`, which need not be computed for every query.

        mask: (B, L), True where the memory may be looked at. Returns (B, M).
        """
        return (self.weights(query, keys, mask).unsqueeze(1) @ memory).squeeze(1)

    def weights(self, query: Tensor, keys: Tensor, mask: Tensor | None = None) -> Tensor:
        """How much each query looks at each place of the memory: (B, L), rows that add up to 1."""
        scores = self.score((self.query(query).unsqueeze(1) + keys).tanh()).squeeze(2)  # (B, L)
        if mask is not None:
            scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        return scores.softmax(1)
