"""Transduction: from one text to another."""

import warnings
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric
from torchmetrics.text import BLEUScore, ROUGEScore

from iolaus.batch import Batch
from iolaus.layers.features import Features
from iolaus.ranges import Count, NonNegative
from iolaus.spec import Sentence, Text
from iolaus.tasks.decoding import beam_search, greedy
from iolaus.tasks.task import Decode
from iolaus.tasks.tokens import TokenTask

_ROUGE = ("rouge1", "rouge2", "rougeL")


class Seq2Seq(TokenTask):
    """Predicts each token of the answer from the text that is read and the answer's tokens before it: the right ones,
    while it learns (teacher forcing, Williams & Zipser 1989, doi:10.1162/neco.1989.1.2.270).

    Means are over tokens. The test also writes whole answers by itself, and reports how many are right (`exact`), BLEU
    (Papineni et al. 2002, doi:10.3115/1073083.1073135) and ROUGE (Lin 2004), both over tokens.

    num_beams: of the search for the likeliest answer; 1: each token by itself, the likeliest.
    length_penalty: scores of the search are divided by the length to this power.
    """

    reads: ClassVar[tuple[type, ...]] = (Text,)
    wants: ClassVar[tuple[type, ...]] = (Sentence,)
    of_tests: ClassVar[tuple[str, ...]] = ("num_beams", "length_penalty")

    def __init__(
        self,
        model: nn.Module,
        target: Sentence,
        *parts: Any,
        num_beams: Count = 1,
        length_penalty: NonNegative = 1.0,
    ) -> None:
        super().__init__(model, target, *parts)
        if num_beams == 1 and length_penalty != 1.0:
            warnings.warn(
                f"task.length_penalty={length_penalty} has no effect without a search: type task.num_beams=4, say.",
                stacklevel=2,
            )
        self.sentence = target
        self.num_beams = num_beams
        self.length_penalty = length_penalty
        self.bleu = BLEUScore()
        self.rouge = ROUGEScore(rouge_keys=_ROUGE)
        self.exact = MeanMetric()

    def read(self, batch: Batch) -> tuple[Features, Tensor]:
        assert batch.target is not None
        start = torch.full_like(batch.target[:, :1], self.sentence.start)
        model: Any = self.model
        return model.features(batch.input, torch.cat([start, batch.target[:, :-1]], 1)), batch.target

    @torch.no_grad()
    def write(self, source: Tensor) -> Tensor:
        """Token ids (B, L) → the answer to each (B, M), closed by the token for the end."""
        model: Any = self.model
        start = torch.full_like(source[:, 0], self.sentence.start)
        options = {"end": self.sentence.end, "pad": self.sentence.pad, "length": self.sentence.length}
        if self.num_beams == 1:
            return greedy(model.step, model.begin(source), start, **options)
        return beam_search(
            model.step,
            model.begin(source),
            start,
            num_beams=self.num_beams,
            length_penalty=self.length_penalty,
            **options,
        )

    def answer(self, x: Tensor, decode: Decode) -> dict[str, Any]:
        return {"input": decode(x[0]), "output": decode(self.write(x)[0])}

    def on_test_epoch_start(self) -> None:
        self.bleu.reset()
        self.rouge.reset()
        self.exact.reset()

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        super().test_step(batch, batch_idx)
        assert batch.target is not None
        written, expected = self._words(self.write(batch.input)), self._words(batch.target)
        self.bleu.update(written, [[text] for text in expected])
        self.rouge.update(written, expected)
        self.exact.update(torch.tensor([one == other for one, other in zip(written, expected, strict=True)]).float())

    def on_test_epoch_end(self) -> None:
        super().on_test_epoch_end()
        rouge = self.rouge.compute()
        self.log_dict({f"test/{name}": rouge[f"{name}_fmeasure"] for name in _ROUGE})
        self.log_dict({"test/bleu": self.bleu.compute(), "test/exact": self.exact.compute()})

    def _words(self, ids: Tensor) -> list[str]:
        """Each row up to its end, as numbers with spaces between: what the metrics compare are tokens."""
        rows = []
        for row in ids.tolist():
            row = row[: row.index(self.sentence.end)] if self.sentence.end in row else row
            rows.append(" ".join(str(number) for number in row if number != self.sentence.pad))
        return rows
