"""Multi-head attention (Vaswani et al. 2017, arXiv:1706.03762): of a sequence to itself, or to another one."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from iolaus.layers.positions import RotaryPositions


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, *, scale: float) -> Tensor:
    """softmax(QKᵀ·scale + mask)·V, written out: what `scaled_dot_product_attention` computes, without its kernels.

    query (…, Lq, d), key and value (…, Lk, d); mask, to be broadcast to (…, Lq, Lk): False where a query must not look,
    or numbers that are added to the scores.
    """
    return attention_weights(query, key, mask, scale=scale) @ value


def attention_weights(query: Tensor, key: Tensor, mask: Tensor | None = None, *, scale: float) -> Tensor:
    """How much each query looks at each key: (…, Lq, Lk), rows that add up to 1."""
    scores = query @ key.transpose(-2, -1) * scale
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask
    return scores.softmax(-1)


class Cache(NamedTuple):
    """Keys and values of the tokens so far, each (B, N, L, D/N): what need not be computed again for the next one."""

    key: Tensor
    value: Tensor


class MultiHead(nn.Module):
    """The projections that all kinds of attention share.

    head_dim: features per head; None: dim / num_heads.
    bias: whether the projections have one.
    scale: what scores are multiplied with; None: 1/√head_dim.
    dropout: on the attention weights.

    Raises:
        ValueError: if the heads do not divide `dim`.
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        *,
        head_dim: int | None = None,
        bias: bool = True,
        scale: float | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if head_dim is None and dim % num_heads:
            raise ValueError(
                f"model.dim={dim} cannot be shared out among model.num_heads={num_heads}: "
                f"type model.dim={-(-dim // num_heads) * num_heads} or another number of heads."
            )
        head_dim = head_dim or dim // num_heads
        self.num_heads = num_heads
        self.scale = 1 / math.sqrt(head_dim) if scale is None else scale
        self.dropout = dropout
        self.query = nn.Linear(dim, num_heads * head_dim, bias)
        self.key = nn.Linear(dim, num_heads * head_dim, bias)
        self.value = nn.Linear(dim, num_heads * head_dim, bias)
        self.output = nn.Linear(num_heads * head_dim, dim, bias)

    def split(self, x: Tensor) -> Tensor:
        return x.unflatten(2, (self.num_heads, -1)).transpose(1, 2)  # (B, L, D) → (B, N, L, D/N)

    def mix(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, *, is_causal: bool = False
    ) -> Tensor:
        """Heads (B, N, L, D/N) → (B, L, D)."""
        heads = F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=mask if mask is None or mask.dtype == torch.bool else mask.to(query.dtype),
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=is_causal,
            scale=self.scale,
        )
        return self.output(heads.transpose(1, 2).flatten(2))


class SelfAttention(MultiHead):
    """Every token looks at every other."""

    def __init__(
        self,
        dim: int,
        num_heads: int,
        *,
        rotary: RotaryPositions | None = None,
        head_dim: int | None = None,
        bias: bool = True,
        scale: float | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(dim, num_heads, head_dim=head_dim, bias=bias, scale=scale, dropout=dropout)
        self.rotary = rotary

    def forward(self, x: Tensor, mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """x: (B, L, D); mask: (B, L), True at the tokens that may be looked at; bias: (N, L, L), on the scores."""
        query, key, value = self.heads(x)
        return self.mix(query, key, value, key_mask(mask, bias))

    def heads(self, x: Tensor, start: int = 0) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value (B, N, L, D/N) of tokens of which the first stands at place `start`."""
        query, key, value = (self.split(project(x)) for project in (self.query, self.key, self.value))
        if self.rotary is not None:
            query, key = self.rotary(query, start), self.rotary(key, start)
        return query, key, value


class CausalAttention(SelfAttention):
    """Every token looks at itself and at those before it. Padding at the end comes too late to matter."""

    def forward(self, x: Tensor, mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """x: (B, L, D); bias: (N, L, L), on the scores. `mask` is not needed."""
        query, key, value = self.heads(x)
        if bias is None:
            return self.mix(query, key, value, is_causal=True)
        future = torch.ones(bias.shape[-2:], dtype=torch.bool, device=x.device).triu(1)
        return self.mix(query, key, value, bias.masked_fill(future, -math.inf))

    def step(self, x: Tensor, past: Cache | None, bias: Tensor | None = None) -> tuple[Tensor, Cache]:
        """The next token x (B, 1, D) and what is kept of those before it; bias: (N, 1, L), with itself as the last."""
        query, key, value = self.heads(x, start=0 if past is None else past.key.shape[2])
        if past is not None:
            key, value = torch.cat([past.key, key], 2), torch.cat([past.value, value], 2)
        return self.mix(query, key, value, bias), Cache(key, value)


class CrossAttention(MultiHead):
    """Every token looks at every token of another sequence, the memory."""

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        """x: (B, L, D); memory: (B, M, D); mask: (B, M), True where the memory may be looked at."""
        return self.look(x, self.remember(memory), mask)

    def remember(self, memory: Tensor) -> Cache:
        return Cache(self.split(self.key(memory)), self.split(self.value(memory)))

    def look(self, x: Tensor, memory: Cache, mask: Tensor | None = None) -> Tensor:
        return self.mix(self.split(self.query(x)), memory.key, memory.value, key_mask(mask))


def key_mask(mask: Tensor | None, bias: Tensor | None = None) -> Tensor | None:
    """(B, L) → (B, 1, 1, L), True at the keys that may be looked at; with a bias (N, L, L), added to it."""
    if mask is None:
        return bias
    # Where all is padding, softmax over nothing is NaN on some backends: there, padding may look at padding.
    mask = (mask | ~mask.any(1, keepdim=True))[:, None, None]
    return mask if bias is None else bias.where(mask, -math.inf)
