"""The transformer's block as most draw it now, with norms before attention and feed-forward layers (Xiong et al. 2020,
arXiv:2002.04745)."""

from collections.abc import Callable

from torch import Tensor, nn

from iolaus.layers.drop_path import DropPath


class PreNormBlock(nn.Module):
    """x + attention(norm(x)), then x + feedforward(norm(x)): (B, L, D) → (B, L, D).

    make_norm: makes each of the two norms, which are called as `norm(x, mask)`.
    dropout: on what each layer adds. drop_path: how often a sample goes without it.
    """

    def __init__(
        self,
        attention: nn.Module,
        feedforward: nn.Module,
        make_norm: Callable[[], nn.Module],
        *,
        dropout: float = 0.0,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.attention_norm = make_norm()
        self.attention = attention
        self.feedforward_norm = make_norm()
        self.feedforward = feedforward
        self.drop = nn.Sequential(nn.Dropout(dropout), DropPath(drop_path))

    def forward(self, x: Tensor, mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """mask: (B, L), True at real tokens; bias: (N, L, L), on the scores of attention."""
        return self.digest(x + self.drop(self.attention(self.attention_norm(x, mask), mask, bias)), mask)

    def digest(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """The second half, which sees one token at a time."""
        return x + self.drop(self.feedforward(self.feedforward_norm(x, mask)))
