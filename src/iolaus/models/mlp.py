"""The multilayer perceptron."""

from typing import ClassVar, Literal

from torch import Tensor, nn

from iolaus.layers.activations import Activation, activation_layer
from iolaus.layers.embeddings import embed
from iolaus.layers.features import Features
from iolaus.layers.heads import head
from iolaus.layers.norms import norm_layer
from iolaus.layers.pooling import pooling_layer
from iolaus.ranges import Count, Rate
from iolaus.spec import Classes, Forecast, Image, Input, Number, Series, Target, Text, Vector

HiddenNorm = Literal["batch", "layer", "group", "rms", "none"]


class MLP(nn.Module):
    """Linear layers with a nonlinearity after each (Rumelhart et al. 1986, doi:10.1038/323533a0).

    The first of them is the embedding of the whole input as one token: of all pixels, of all steps, or of how often
    each word occurs, which is what the mean of word vectors tells (Iyyer et al. 2015, doi:10.3115/v1/P15-1162).

    dim: hidden features. num_layers: hidden layers. dropout: after each of them.
    instance_norm, channel_independent: (series) None: yes.
    """

    reads: ClassVar[tuple[type, ...]] = (Image, Text, Series)
    writes: ClassVar[tuple[type, ...]] = (Classes, Number, Vector, Forecast)

    def __init__(
        self,
        input: Input,
        target: Target,
        *,
        dim: Count = 256,
        num_layers: Count = 2,
        activation: Activation = "relu",
        norm: HiddenNorm = "layer",
        dropout: Rate = 0.1,
        instance_norm: bool | None = None,
        channel_independent: bool | None = None,
    ) -> None:
        super().__init__()
        self.embedding = embed(
            input, dim, patch_size="whole", instance_norm=instance_norm, channel_independent=channel_independent
        )
        self.mean = pooling_layer("mean", dim, self.embedding.num_tokens)
        self.hidden = nn.ModuleList()
        for number in range(num_layers):
            linear = [nn.Linear(dim, dim)] if number > 0 else []  # the embedding was the first
            response = norm_layer(norm, dim), activation_layer(activation), nn.Dropout(dropout)
            self.hidden.append(nn.Sequential(*linear, *response))
        self.head = head(target, dim, num_sequences=self.embedding.num_sequences)

    def features(self, x: Tensor) -> Features:
        tokens = self.embedding(x)
        values = self.mean(tokens.values, tokens.mask).unsqueeze(1)  # (B, 1, D)
        for layer in self.hidden:
            values = layer(values)
        return tokens._replace(values=values, mask=None)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        return [self.embedding, *self.hidden, self.head]
