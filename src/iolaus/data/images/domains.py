"""Pictures of two domains: labelled ones of the first, and of the second what they look like, until the test."""

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from iolaus.batch import Batch
from iolaus.data.images.classified_images import ClassifiedImages
from iolaus.data.images.images import Loaded
from iolaus.data.images.pictures import Pictures
from iolaus.spec import Domains, Image


@dataclass(frozen=True)
class TwoDomains:
    """A split of labelled pictures, whose batches have as many of the other domain beside them.

    These are drawn with replacement, by which labelled ones the batch has: so they follow from the run's seed and the
    epoch as those do.
    """

    labelled: Pictures
    other: Pictures

    def __len__(self) -> int:
        return len(self.labelled)

    def batch(self, index: Tensor) -> Batch:
        drawn = np.random.default_rng(index.tolist()).integers(len(self.other), size=len(index))
        unlabelled = self.other.batch(torch.from_numpy(drawn)).input
        return replace(self.labelled.batch(index), unlabelled=unlabelled)


class DomainImages(ClassifiedImages):
    """Trained and validated on the first domain, tested on the second. Scaled by the first one's mean and deviation."""

    gives: ClassVar[tuple[type, type]] = (Image, Domains)

    @abstractmethod
    def domains(self) -> tuple[Loaded, Pictures]:
        """What is labelled, to train on (and validate), and to test on in the other domain; and the pictures of the
        other domain that training sees, whose labels nobody looks at."""

    def load(self) -> Loaded:
        loaded, self.other = self.domains()
        return loaded

    def read(self) -> None:
        super().read()
        self.train: Any = TwoDomains(self.train, self.other)

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        assert batch.unlabelled is not None
        return replace(super().augment(batch, generator), unlabelled=self.altered(batch.unlabelled, generator))

    def normalize(self, batch: Batch) -> Batch:
        if batch.unlabelled is None:
            return super().normalize(batch)
        other = super().normalize(replace(batch, input=batch.unlabelled)).input
        return replace(super().normalize(batch), unlabelled=other)

    def describe(self) -> str:
        return f"{super().describe()}; and {len(self.other):,} of the other domain to train on, without labels"
