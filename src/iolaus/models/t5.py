"""T5: a transformer that reads one text and writes another (Raffel et al. 2020, arXiv:1910.10683)."""

from collections.abc import Iterable
from typing import ClassVar, NamedTuple

from torch import Tensor, nn

from iolaus.layers.activations import Activation, activation_layer
from iolaus.layers.attention import Cache, CausalAttention, CrossAttention, SelfAttention
from iolaus.layers.features import Features
from iolaus.layers.heads import TiedHead
from iolaus.layers.positions import RelativePositions
from iolaus.ranges import Count, Positive, Rate
from iolaus.spec import Sentence, Text

_EPSILON = 1e-6  # of the norms, as in the published weights


class State(NamedTuple):
    """What the decoder keeps: how many words it wrote, keys and values of these, and those of the source, by block."""

    place: int
    written: tuple[Cache, ...] | None
    source: tuple[Cache, ...]
    mask: Tensor  # (B, L), True at real tokens of the source


class T5(nn.Module):
    """Pre-norm blocks without biases; places are told by the distance alone; one table of words for both texts.

    dim: features per token. num_layers: of the encoder, and of the decoder. head_dim: features per head; null:
        dim / num_heads, as in the published sizes up to large.
    feedforward_ratio: hidden features of the feed-forward layers, as a multiple of dim.
    is_gated: half of these rule what the other half lets through (T5 1.1: Shazeer 2020, arXiv:2002.05202).
    is_tied: the table of words scores the answers, too; T5 1.1 has a matrix of its own for that.
    dropout: on embedded tokens, hidden features, and the result of every layer.
    attention_dropout: on attention weights; null: as dropout. 0 lets a CPU compute attention in one piece.

    Raises:
        ValueError: for heads that do not divide dim.
    """

    reads: ClassVar[tuple[type, ...]] = (Text,)
    writes: ClassVar[tuple[type, ...]] = (Sentence,)

    def __init__(
        self,
        input: Text,
        target: Sentence,
        *,
        dim: Count = 128,
        num_layers: Count = 2,
        num_heads: Count = 4,
        head_dim: Count | None = None,
        feedforward_ratio: Positive = 4.0,
        activation: Activation = "relu",
        is_gated: bool = False,
        is_tied: bool = True,
        dropout: Rate = 0.1,
        attention_dropout: Rate | None = None,
    ) -> None:
        super().__init__()
        hidden_dim = round(feedforward_ratio * dim)

        def stack(is_decoder: bool) -> Stack:
            blocks = (
                Block(
                    dim, num_heads, hidden_dim, head_dim=head_dim, activation=activation, is_gated=is_gated,
                    dropout=dropout, attention_dropout=dropout if attention_dropout is None else attention_dropout,
                    is_decoder=is_decoder,
                )
                for _ in range(num_layers)
            )  # fmt: skip
            return Stack(blocks, RelativePositions(num_heads, is_causal=is_decoder), dim, dropout=dropout)

        self.pad = input.pad
        num_words = max(input.vocab_size, target.vocab_size)
        self.words = nn.Embedding(num_words, dim)
        self.encoder = stack(is_decoder=False)
        self.decoder = stack(is_decoder=True)
        self.head = TiedHead(scale=dim**-0.5) if is_tied else WordsHead(dim, num_words)
        self._initialize()

    def _initialize(self) -> None:
        """Scores of attention are not divided by √head_dim: queries begin that much smaller."""
        nn.init.normal_(self.words.weight)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=module.in_features**-0.5)
            if isinstance(module, RelativePositions):
                nn.init.normal_(module.table.weight, std=self.words.embedding_dim**-0.5)
        for module in self.modules():
            if isinstance(module, SelfAttention | CrossAttention):
                head_dim = module.query.out_features // module.num_heads
                nn.init.normal_(module.query.weight, std=(module.query.in_features * head_dim) ** -0.5)

    def begin(self, source: Tensor) -> State:
        """Reads the source (B, L)."""
        mask = source != self.pad
        memory = self.encoder(self.words(source), mask)
        return State(0, None, self.decoder.remember(memory), mask)

    def features(self, source: Tensor, previous: Tensor) -> Features:
        """previous: (B, M), the words before those that are to be written."""
        state = self.begin(source)
        values = self.decoder(self.words(previous), state.mask, state.source)  # (B, M, D)
        return Features(values, table=self.words.weight)

    def forward(self, source: Tensor, previous: Tensor) -> Tensor:
        return self.head(self.features(source, previous))

    def step(self, previous: Tensor, state: State) -> tuple[Tensor, State]:
        """The word before, (B,) → logits (B, V) of the next one."""
        values, written = self.decoder.step(self.words(previous[:, None]), state)
        logits = self.head(Features(values, table=self.words.weight)).squeeze(1)
        return logits, state._replace(place=state.place + 1, written=written)

    def stages(self) -> list[nn.Module]:
        return [self.words, self.encoder, self.decoder, self.head]


class Stack(nn.Module):
    """Blocks that share their relative positions, and a norm."""

    def __init__(self, blocks: "Iterable[Block]", positions: RelativePositions, dim: int, *, dropout: float) -> None:
        super().__init__()
        self.positions = positions
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.RMSNorm(dim, _EPSILON)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor, source: tuple[Cache, ...] | None = None) -> Tensor:
        """x: (B, L, D); mask: of x, or, for a decoder, of the source."""
        x, bias = self.dropout(x), self.positions(x.shape[1])
        for number, block in enumerate(self.blocks):
            x = block(x, mask, bias, None if source is None else source[number])
        return self.dropout(self.norm(x))

    def remember(self, memory: Tensor) -> tuple[Cache, ...]:
        """What each block of a decoder sees of the source."""
        return tuple(block.cross_attention.remember(memory) for block in self.blocks)  # type: ignore[union-attr,operator]

    def step(self, x: Tensor, state: State) -> tuple[Tensor, tuple[Cache, ...]]:
        x, bias = self.dropout(x), self.positions(state.place + 1, start=state.place)
        written = []
        for number, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            past = None if state.written is None else state.written[number]
            x, cache = block.step(x, past, bias, state.source[number], state.mask)
            written.append(cache)
        return self.dropout(self.norm(x)), tuple(written)


class Block(nn.Module):
    """x + attention(norm(x)); in a decoder x + attention to the source; then x + feedforward(norm(x))."""

    def __init__(
        self,
        dim: int,
        num_heads: int,
        hidden_dim: int,
        *,
        head_dim: int | None,
        activation: Activation,
        is_gated: bool,
        dropout: float,
        attention_dropout: float,
        is_decoder: bool,
    ) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(dim, _EPSILON)
        kind = CausalAttention if is_decoder else SelfAttention
        self.attention = kind(dim, num_heads, head_dim=head_dim, bias=False, scale=1.0, dropout=attention_dropout)
        if is_decoder:
            self.cross_attention_norm = nn.RMSNorm(dim, _EPSILON)
            self.cross_attention = CrossAttention(
                dim, num_heads, head_dim=head_dim, bias=False, scale=1.0, dropout=attention_dropout
            )
        self.feedforward_norm = nn.RMSNorm(dim, _EPSILON)
        self.feedforward = FeedForward(dim, hidden_dim, activation=activation, is_gated=is_gated, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor, bias: Tensor, source: Cache | None) -> Tensor:
        x = x + self.dropout(self.attention(self.attention_norm(x), None if source else mask, bias))
        return self._rest(x, source, mask)

    def step(self, x: Tensor, past: Cache | None, bias: Tensor, source: Cache, mask: Tensor) -> tuple[Tensor, Cache]:
        assert isinstance(self.attention, CausalAttention)
        looked, cache = self.attention.step(self.attention_norm(x), past, bias)
        return self._rest(x + self.dropout(looked), source, mask), cache

    def _rest(self, x: Tensor, source: Cache | None, mask: Tensor) -> Tensor:
        if source is not None:
            x = x + self.dropout(self.cross_attention.look(self.cross_attention_norm(x), source, mask))
        return x + self.dropout(self.feedforward(self.feedforward_norm(x)))


class WordsHead(nn.Module):
    """Features (B, L, D) → logits (B, L, V), by a linear layer without a bias."""

    def __init__(self, dim: int, num_words: int) -> None:
        super().__init__()
        self.project = nn.Linear(dim, num_words, bias=False)

    def forward(self, features: Features) -> Tensor:
        return self.project(features.values)


class FeedForward(nn.Module):
    """Two linear layers without biases; with a gate, a third one."""

    def __init__(self, dim: int, hidden_dim: int, *, activation: Activation, is_gated: bool, dropout: float) -> None:
        super().__init__()
        self.expand = nn.Linear(dim, hidden_dim, bias=False)
        self.gate = nn.Linear(dim, hidden_dim, bias=False) if is_gated else None
        self.activation = activation_layer(activation)
        self.dropout = nn.Dropout(dropout)
        self.contract = nn.Linear(hidden_dim, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.activation(self.expand(x))
        return self.contract(self.dropout(hidden if self.gate is None else hidden * self.gate(x)))
