"""What language modelling shares: the tokens that are asked for are those of the text itself."""

from abc import abstractmethod
from typing import Any, ClassVar

from torch import Tensor, nn

from iolaus.batch import Batch
from iolaus.layers.features import Features
from iolaus.spec import Classes, Input, Target, Text, Unlabelled, Vocabulary
from iolaus.tasks.tokens import TokenTask


class SelfSupervised(TokenTask):
    """Predicts tokens of the text itself, so labels are not asked for."""

    reads: ClassVar[tuple[type, ...]] = (Text,)
    wants: ClassVar[tuple[type, ...]] = (Classes, Unlabelled)

    @classmethod
    def targets(cls, input: Input, target: Target, **options: Any) -> tuple[Input, Target]:  # noqa: ARG003
        assert isinstance(input, Text)
        return input, Vocabulary(input.vocab_size, input.pad, input.start, input.end, input.mask)

    def __init__(self, model: nn.Module, target: Vocabulary, *parts: Any) -> None:
        super().__init__(model, target, *parts)
        self.vocabulary = target
        self.examine(model)

    @abstractmethod
    def question(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """What the model reads, and the token it should name at each place, (B, L) both; padding where it need not."""

    def read(self, batch: Batch) -> tuple[Features, Tensor]:
        x, target = self.question(batch)
        model: Any = self.model
        return model.features(x), target
