"""What language modelling shares: predicting tokens at some places of a text."""

import math
from abc import abstractmethod
from typing import Any, ClassVar

from torch import Tensor, nn

from iolaus.batch import Batch
from iolaus.spec import Classes, Input, Target, Text, Unlabelled, Vocabulary
from iolaus.tasks.classify import Classify
from iolaus.tasks.task import Objective, Task


class TokenTask(Task):
    """Predicts tokens of the text itself, so labels are not asked for.

    Means are over tokens. Perplexity is e to the mean loss: among how many tokens the model seems to hesitate. (With
    another loss than the cross entropy it is only as comparable as that loss.)
    """

    reads: ClassVar[tuple[type, ...]] = (Text,)
    wants: ClassVar[tuple[type, ...]] = (Classes, Unlabelled)
    objective: ClassVar[Objective] = ("val/perplexity", "min")

    @classmethod
    def targets(cls, input: Input, target: Target) -> tuple[Input, Target]:  # noqa: ARG003
        assert isinstance(input, Text)
        return input, Vocabulary(input.vocab_size, input.pad, input.start, input.end, input.mask)

    def __init__(self, model: nn.Module, target: Vocabulary, *parts: Any) -> None:
        super().__init__(model, target, *parts)
        self.vocabulary = target
        self.examine(model)

    suits = staticmethod(Classify.suits)

    @abstractmethod
    def question(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """What the model reads, and the token it should name at each place, (B, L) both; padding where it need not."""

    def step(self, batch: Batch, stage: str) -> tuple[Tensor, Tensor]:
        x, target = self.question(batch)
        is_asked = target != self.vocabulary.pad
        model: Any = self.model
        features = model.features(x)
        # The head is most of the work with a large vocabulary: it sees only the places that count.
        asked = features._replace(values=features.values[is_asked].unsqueeze(0), mask=None)  # (1, T, D)
        output, target = model.head(asked).squeeze(0).float(), target[is_asked]  # (T, V), (T,)
        loss = self.loss(output, target)
        self.meters[stage].add(len(target), loss=loss, **self.measure(output.detach(), target))
        return loss, output

    def measure(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        return {"accuracy": (output.argmax(dim=-1) == target).float().mean()}

    def means(self, stage: str) -> dict[str, float]:
        found = super().means(stage)
        return found | {"perplexity": math.exp(min(found["loss"], 700.0))} if found else found
