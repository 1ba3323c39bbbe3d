"""A recurrent encoder and a decoder that looks back at all of it (Bahdanau et al. 2015, arXiv:1409.0473)."""

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from iolaus.layers.additive import AdditiveAttention
from iolaus.layers.embeddings import TextEmbedding
from iolaus.layers.features import Features
from iolaus.layers.heads import VocabularyHead
from iolaus.layers.pooling import MeanPool
from iolaus.layers.recurrence import Recurrence
from iolaus.ranges import Count, Rate
from iolaus.spec import Sentence, Text


class State(NamedTuple):
    """What the decoder knows: the source, once encoded, and its own state."""

    memory: Tensor  # (B, L, D)
    keys: Tensor  # (B, L, D)
    mask: Tensor  # (B, L)
    hidden: Tensor  # (B, D)


class Seq2Seq(nn.Module):
    """GRUs read the source in both directions; another one writes, and before each word looks at what they read.

    Two parts are simpler than the paper's: the writer begins with the mean of what was read, not with its first state;
    and what says the next word is a tanh layer of the new state, not a maxout layer of the one before.

    dim: features per token. num_layers: of the encoder.
    attention: without it the decoder sees the mean of the source alone, which is what Sutskever et al. 2014
        (arXiv:1409.3215) and Cho et al. 2014 (arXiv:1406.1078) have to write from: one vector.
    dropout: on embedded tokens, between layers, and on what the head reads.
    """

    reads: ClassVar[tuple[type, ...]] = (Text,)
    writes: ClassVar[tuple[type, ...]] = (Sentence,)

    def __init__(
        self,
        input: Text,
        target: Sentence,
        *,
        dim: Count = 128,
        num_layers: Count = 1,
        attention: bool = True,
        dropout: Rate = 0.1,
    ) -> None:
        super().__init__()
        self.embedding = TextEmbedding(input, dim, dropout=dropout)
        self.encoder = Recurrence(nn.GRU, dim, num_layers=num_layers, bidirectional=True, dropout=dropout)
        self.decoder = Decoder(target, dim, attention=attention, dropout=dropout)
        self.head = VocabularyHead(dim, target.vocab_size, dropout=dropout)

    def begin(self, source: Tensor) -> State:
        """Reads the source (B, L)."""
        tokens = self.embedding(source)
        assert tokens.mask is not None
        return self.decoder.begin(self.encoder(tokens.values, tokens.mask), tokens.mask)

    def features(self, source: Tensor, previous: Tensor) -> Features:
        """previous: (B, M), the words before those that are to be written."""
        state, values = self.begin(source), []
        for word in self.decoder.embedding(previous).values.unbind(1):
            value, state = self.decoder(word, state)
            values.append(value)
        return Features(torch.stack(values, 1))

    def forward(self, source: Tensor, previous: Tensor) -> Tensor:
        return self.head(self.features(source, previous))

    def step(self, previous: Tensor, state: State) -> tuple[Tensor, State]:
        """The word before, (B,) → logits (B, V) of the next one."""
        word = self.decoder.embedding(previous[:, None]).values.squeeze(1)
        value, state = self.decoder(word, state)
        return self.head(Features(value.unsqueeze(1))).squeeze(1), state

    def stages(self) -> list[nn.Module]:
        return [self.embedding, self.encoder, self.decoder, self.head]


class Decoder(nn.Module):
    """Its state looks at the source, and the word before and what it saw lead to the next state."""

    def __init__(self, target: Sentence, dim: int, *, attention: bool, dropout: float) -> None:
        super().__init__()
        words = Text(target.vocab_size, target.length, pad=target.pad)
        self.embedding = TextEmbedding(words, dim, dropout=dropout)
        self.mean = MeanPool(dim)
        self.initial = nn.Linear(dim, dim)
        self.attention = AdditiveAttention(dim, dim, dim) if attention else None
        self.cell = nn.GRUCell(2 * dim, dim)
        self.readout = nn.Linear(3 * dim, dim)

    def begin(self, memory: Tensor, mask: Tensor) -> State:
        keys = memory if self.attention is None else self.attention.key(memory)
        return State(memory, keys, mask, self.initial(self.mean(memory, mask)).tanh())

    def forward(self, word: Tensor, state: State) -> tuple[Tensor, State]:
        """word (B, D), the one before → features (B, D) of the next one."""
        if self.attention is None:
            seen = self.mean(state.memory, state.mask)
        else:
            seen = self.attention(state.hidden, state.memory, state.keys, state.mask)
        hidden = self.cell(torch.cat([word, seen], 1), state.hidden)
        return self.readout(torch.cat([hidden, seen, word], 1)).tanh(), state._replace(hidden=hidden)
