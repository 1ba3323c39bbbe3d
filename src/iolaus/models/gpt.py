"""GPT: a transformer that reads from left to right and says what comes next (Radford et al. 2018, "Improving language
understanding by generative pre-training"; GPT-2: Radford et al. 2019, "Language models are unsupervised multitask
learners")."""

import math
from functools import partial
from typing import ClassVar, Literal, NamedTuple

from torch import Tensor, nn

from iolaus.layers.activations import Activation
from iolaus.layers.attention import Cache, CausalAttention
from iolaus.layers.embeddings import TextEmbedding
from iolaus.layers.features import Features
from iolaus.layers.feedforward import FeedForward
from iolaus.layers.heads import TiedHead, head
from iolaus.layers.norms import norm_layer
from iolaus.layers.positions import AttentionPositions, RelativePositions, RotaryPositions
from iolaus.layers.prenorm import PreNormBlock
from iolaus.ranges import Count, Positive, Rate
from iolaus.spec import Classes, Number, Target, Text, Vector, Vocabulary

_STD = 0.02  # of initial weights


class State(NamedTuple):
    """What GPT keeps of the tokens it has read: how many, and of each block its keys and values."""

    place: int
    blocks: tuple[Cache, ...]


class GPT(nn.Module):
    """GPT-2: norms before attention and feed-forward layers, a last norm, and the token vectors again as the head.

    An adaptive softmax has vectors of its own. For classes the head reads the last token, which alone has seen the
    whole text.

    dim: features per token. num_heads must divide it.
    feedforward_ratio: hidden features of the feed-forward layers, as a multiple of dim.
    dropout: on the embedded tokens and on the result of every layer.
    attention_dropout: on attention weights; null: as dropout. 0 lets a CPU compute attention in one piece.
    positions: learned, as in the paper; rotary, relative and none go on beyond data.length.

    Raises:
        ValueError: for heads that do not divide dim.
    """

    reads: ClassVar[tuple[type, ...]] = (Text,)
    writes: ClassVar[tuple[type, ...]] = (Vocabulary, Classes, Number, Vector)
    is_causal: ClassVar[bool] = True

    def __init__(
        self,
        input: Text,
        target: Target,
        *,
        dim: Count = 128,
        num_layers: Count = 4,
        num_heads: Count = 4,
        feedforward_ratio: Positive = 4.0,
        activation: Activation = "gelu_tanh",
        norm: Literal["layer", "rms"] = "layer",
        dropout: Rate = 0.1,
        attention_dropout: Rate | None = None,
        positions: AttentionPositions = "learned",
    ) -> None:
        super().__init__()
        self.embedding = TextEmbedding(input, dim, positions=positions, dropout=dropout)
        self.relative = RelativePositions(num_heads, is_causal=True) if positions == "relative" else None
        self.blocks = nn.ModuleList(
            Block(
                CausalAttention(
                    dim,
                    num_heads,
                    rotary=RotaryPositions(dim // num_heads) if positions == "rotary" else None,
                    dropout=dropout if attention_dropout is None else attention_dropout,
                ),
                FeedForward(dim, round(feedforward_ratio * dim), activation=activation),
                partial(norm_layer, norm, dim),
                dropout=dropout,
            )
            for _ in range(num_layers)
        )
        self.norm = norm_layer(norm, dim)
        is_tied = isinstance(target, Vocabulary) and target.softmax == "full"
        pooling = None if isinstance(target, Vocabulary) else "last"
        self.head = TiedHead() if is_tied else head(target, dim, pooling=pooling, dropout=dropout)
        self._initialize()

    def _initialize(self) -> None:
        """Normal weights; what is added to the stream 2·num_layers times begins smaller by the root of that."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=_STD)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for module in self.modules():
            if isinstance(module, Block):
                for last in (module.attention.output, module.feedforward.contract):
                    nn.init.normal_(last.weight, std=_STD / math.sqrt(2 * len(self.blocks)))

    def features(self, x: Tensor) -> Features:
        tokens = self.embedding(x)
        values = tokens.values  # (B, L, D)
        bias = None if self.relative is None else self.relative(x.shape[1])
        for block in self.blocks:
            values = block(values, None, bias)
        return tokens._replace(values=self.norm(values), table=self.embedding.table.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def step(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """The next token of each text, x (B,) → logits (B, V) of the one after it; `state`: of those before."""
        place = 0 if state is None else state.place
        tokens = self.embedding(x[:, None], start=place)
        values = tokens.values  # (B, 1, D)
        bias = None if self.relative is None else self.relative(place + 1, start=place)
        caches = []
        for number, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            values, cache = block.step(values, None if state is None else state.blocks[number], bias)
            caches.append(cache)
        features = tokens._replace(values=self.norm(values), table=self.embedding.table.weight)
        return self.head(features).squeeze(1), State(place + 1, tuple(caches))

    def stages(self) -> list[nn.Module]:
        relative = [] if self.relative is None else [self.relative]
        return [self.embedding, *relative, *self.blocks, self.norm, self.head]


class Block(PreNormBlock):
    """One whose attention sees no token after its own, and can therefore go on a token at a time."""

    attention: CausalAttention
    feedforward: FeedForward

    def step(self, x: Tensor, past: Cache | None, bias: Tensor | None = None) -> tuple[Tensor, Cache]:
        """x: (B, 1, D), the next token; bias: (N, 1, L)."""
        looked, cache = self.attention.step(self.attention_norm(x), past, bias)
        return self.digest(x + self.drop(looked)), cache
