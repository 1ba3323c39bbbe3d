"""Attention: every position of a sequence looks at every other, and takes from each as much as it cares."""

import math

import numpy as np

from iolaus.scratch.activations import softmax
from iolaus.scratch.initializers import xavier_uniform_
from iolaus.scratch.linear import Linear
from iolaus.scratch.module import Module, Parameter
from iolaus.scratch.operations import where
from iolaus.scratch.tensor import Operand, Tensor


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, hidden: Operand | None = None
) -> tuple[Tensor, Tensor]:
    """softmax(Q Kᵀ / √D) V (Vaswani et al. 2017), and the weights of the softmax.

    query (…, L, D), key (…, S, D), value (…, S, E) give (…, L, E) and weights (…, L, S).
    hidden: true where a position must not be looked at; its shape broadcasts to (…, L, S).
    """
    scores = query @ key.mT / math.sqrt(query.shape[-1])
    if hidden is not None:
        scores = where(hidden, -math.inf, scores)
    weights = softmax(scores, -1)
    return weights @ value, weights


class MultiheadAttention(Module):
    """Attention in several subspaces at once; parameters as torch's. Sequences are (B, L, embed_dim), batch first."""

    def __init__(self, embed_dim: int, num_heads: int) -> None:
        if embed_dim % num_heads:
            raise ValueError(f"embed_dim={embed_dim} does not divide into num_heads={num_heads}")
        self.in_proj_weight = Parameter(np.empty((3 * embed_dim, embed_dim)))
        self.in_proj_bias = Parameter(np.zeros(3 * embed_dim))
        self.out_proj = Linear(embed_dim, embed_dim)
        self.num_heads = num_heads
        xavier_uniform_(self.in_proj_weight)
        self.out_proj.bias = Parameter(np.zeros(embed_dim))

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, attn_mask: Operand | None = None
    ) -> tuple[Tensor, Tensor]:
        """(B, L, D), (B, S, D), (B, S, D) give (B, L, D), and the heads' mean weights (B, L, S).

        attn_mask: true where a position must not be looked at; broadcasts to (B, num_heads, L, S).
        """
        inputs = (query, key, value)
        q, k, v = (self._heads(self._project(x, number)) for number, x in enumerate(inputs))  # (B, heads, L, D / heads)
        y, weights = scaled_dot_product_attention(q, k, v, attn_mask)
        return self.out_proj(y.transpose(1, 2).reshape(*query.shape)), weights.mean(1)

    def _project(self, x: Tensor, number: int) -> Tensor:
        rows = slice(number * x.shape[-1], (number + 1) * x.shape[-1])
        return x @ self.in_proj_weight[rows].T + self.in_proj_bias[rows]

    def _heads(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:-1], self.num_heads, -1).transpose(1, 2)
