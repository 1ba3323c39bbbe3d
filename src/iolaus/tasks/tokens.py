"""What all tasks share whose answers are tokens: one is asked for at some places of a text."""

import math
from abc import abstractmethod
from typing import Any, ClassVar

from torch import Tensor, nn

from iolaus.batch import Batch
from iolaus.layers.adaptive_softmax import AdaptiveHead
from iolaus.layers.features import Features
from iolaus.spec import Sentence, Vocabulary
from iolaus.tasks.classify import Classify
from iolaus.tasks.task import Objective, Task


class TokenTask(Task):
    """Predicts tokens.

    Means are over tokens. Perplexity is e to the mean loss: among how many tokens the model seems to hesitate. (With
    another loss than the cross entropy it is only as comparable as that loss.) Accuracy is left out where an adaptive
    softmax saves the scores that it would take.
    """

    objective: ClassVar[Objective] = ("val/perplexity", "min")

    target: Vocabulary | Sentence

    suits = staticmethod(Classify.suits)

    @abstractmethod
    def read(self, batch: Batch) -> tuple[Features, Tensor]:
        """What the model makes of the batch at each place, and the token to name there, (B, L); padding where none is
        asked for."""

    def step(self, batch: Batch, stage: str) -> tuple[Tensor, Tensor]:
        features, target = self.read(batch)
        is_asked = target != self.target.pad
        # The head is most of the work with a large vocabulary: it sees only the places that count.
        asked = features._replace(values=features.values[is_asked].unsqueeze(0), mask=None)  # (1, T, D)
        model: Any = self.model
        target = target[is_asked]  # (T,)
        if isinstance(model.head, AdaptiveHead) and is_log_likelihood(self.loss):
            losses = model.head.cross_entropy(asked, target.unsqueeze(0)).squeeze(0)
            loss = losses.mean()
            self.meters[stage].add(len(target), loss=loss)
            return loss, losses
        output = model.head(asked).squeeze(0).float()  # (T, V)
        loss = self.loss(output, target)
        self.meters[stage].add(len(target), loss=loss, **self.measure(output.detach(), target))
        return loss, output

    def measure(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        return {"accuracy": (output.argmax(dim=-1) == target).float().mean()}

    def means(self, stage: str) -> dict[str, float]:
        found = super().means(stage)
        return found | {"perplexity": math.exp(min(found["loss"], 700.0))} if found else found


def is_log_likelihood(loss: nn.Module) -> bool:
    """Whether nothing but the probability of the right token counts."""
    return isinstance(loss, nn.CrossEntropyLoss) and loss.weight is None and loss.label_smoothing == 0
