"""Multi-head self-attention (Vaswani et al. 2017, arXiv:1706.03762)."""

import torch.nn.functional as F
from torch import Tensor, nn


class SelfAttention(nn.Module):
    """Every token looks at every other: softmax(QKᵀ/√d)·V in each head, then the heads are mixed.

    Raises:
        ValueError: if the heads do not divide `dim`.
    """

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        if dim % num_heads:
            raise ValueError(
                f"model.dim={dim} cannot be shared out among model.num_heads={num_heads}: "
                f"type model.dim={-(-dim // num_heads) * num_heads} or another number of heads."
            )
        self.num_heads = num_heads
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)
        self.output = nn.Linear(dim, dim)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """x: (B, L, D); mask: (B, L), True at the tokens that may be looked at."""
        query, key, value = (self._split(project(x)) for project in (self.query, self.key, self.value))
        if mask is not None:
            # Where all is padding, softmax over nothing is NaN on some backends: there, padding may look at padding.
            mask = (mask | ~mask.any(1, keepdim=True))[:, None, None]  # (B, 1, 1, L)
        heads = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)  # (B, N, L, D/N)
        return self.output(heads.transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(2, (self.num_heads, -1)).transpose(1, 2)  # (B, L, D) → (B, N, L, D/N)
