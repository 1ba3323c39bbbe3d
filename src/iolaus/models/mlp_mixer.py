"""MLP-Mixer (Tolstikhin et al. 2021, "An all-MLP architecture for vision", arXiv:2105.01601)."""

from typing import ClassVar, Literal

from torch import Tensor, nn

from iolaus.layers.activations import Activation
from iolaus.layers.drop_path import DropPath, drop_path_rates
from iolaus.layers.embeddings import embed
from iolaus.layers.features import Features
from iolaus.layers.feedforward import FeedForward
from iolaus.layers.heads import head
from iolaus.layers.norms import NormOfTokens, norm_layer
from iolaus.layers.sizes import warn_if_overruled
from iolaus.ranges import Count, Rate
from iolaus.spec import Image, Input, Target

Size = Literal["small", "base", "large"]

# By size: features per token, blocks.
_SIZES: dict[str, tuple[int, int]] = {"small": (512, 8), "base": (768, 12), "large": (1024, 24)}


class MLPMixer(nn.Module):
    """Patches, blocks that mix first tokens and then channels, a norm, the mean, a linear layer: figure 1.

    size: small, base or large, which set the two that follow.
    dim, num_layers: features per token, blocks; None: as the size has them.
    token_dim, channel_dim: hidden features of the two kinds of MLP; None: dim / 2 and 4 · dim, as all of the paper's.
    patch_size: pixels along a side; None: by the picture: 16 for 224×224, 4 for 32×32, 2 for 8×8.
    dropout: inside the MLPs. head_dropout: on what the head reads.
    drop_path: how often the last block's branches are left out; earlier ones less, evenly down to 0.

    Raises:
        ValueError: for patches larger than the picture.
    """

    reads: ClassVar[tuple[type, ...]] = (Image,)

    def __init__(
        self,
        input: Input,
        target: Target,
        *,
        size: Size = "small",
        dim: Count | None = None,
        num_layers: Count | None = None,
        token_dim: Count | None = None,
        channel_dim: Count | None = None,
        patch_size: Count | None = None,
        activation: Activation = "gelu",
        norm: NormOfTokens = "layer",
        dropout: Rate = 0.0,
        head_dropout: Rate = 0.0,
        drop_path: Rate = 0.0,
    ) -> None:
        super().__init__()
        warn_if_overruled(size, "small", dim=dim, num_layers=num_layers)
        size_dim, size_layers = _SIZES[size]
        dim, num_layers = dim or size_dim, num_layers or size_layers
        self.patches = embed(input, dim, patch_size=patch_size)
        self.blocks = nn.ModuleList(
            MixerBlock(
                FeedForward(
                    self.patches.num_tokens, token_dim or max(1, dim // 2), activation=activation, dropout=dropout
                ),
                FeedForward(dim, channel_dim or 4 * dim, activation=activation, dropout=dropout),
                norm_layer(norm, dim),
                norm_layer(norm, dim),
                drop_path=rate,
            )
            for rate in drop_path_rates(drop_path, num_layers)
        )
        self.norm = norm_layer(norm, dim)
        self.head = head(target, dim, pooling="mean", dropout=head_dropout)

    def features(self, x: Tensor) -> Features:
        x = self.patches(x).values  # (B, L, D)
        for block in self.blocks:
            x = block(x)
        return Features(self.norm(x))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        return [self.patches, *self.blocks, self.norm, self.head]


class MixerBlock(nn.Module):
    """One MLP for all channels sees a channel of all tokens; one for all tokens sees all channels of a token."""

    def __init__(
        self,
        tokens: nn.Module,
        channels: nn.Module,
        token_norm: nn.Module,
        channel_norm: nn.Module,
        *,
        drop_path: float,
    ) -> None:
        super().__init__()
        self.token_norm = token_norm
        self.tokens = tokens
        self.channel_norm = channel_norm
        self.channels = channels
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        columns = self.token_norm(x).transpose(1, 2)  # (B, D, L)
        x = x + self.drop_path(self.tokens(columns).transpose(1, 2))
        return x + self.drop_path(self.channels(self.channel_norm(x)))
