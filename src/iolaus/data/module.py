"""What every kind of data shares: splits in memory, loaders over them, and the spec that models are built from."""

from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import lightning.pytorch as L
import torch
from torch import Tensor

from iolaus.batch import Batch
from iolaus.chance import reseed
from iolaus.data.fingerprint import fingerprint
from iolaus.data.loader import Loader, Split
from iolaus.data.order import Order
from iolaus.ranges import Count
from iolaus.spec import Input, Target, from_plain, to_plain

HeldOut = Literal["val", "test"]


class DataModule(L.LightningDataModule, ABC):
    """A source of samples.

    Subclasses say which kinds they give (`gives`), what is known of their sizes before reading (`sketch`), and how to
    read (`read`). Reading sets `input`, `target`, `train`, `val` and `test`.

    batch_size: samples per optimization step, over all processes together.
    seed: decides the order of the batches and which training samples are held out for validation.
    """

    gives: ClassVar[tuple[type, type]]

    input: Input
    target: Target
    train: Split
    val: Split
    test: Split

    def __init__(self, *, batch_size: Count = 64, seed: int = 0) -> None:
        super().__init__()
        self.batch_size = batch_size
        self.seed = seed
        self.may_differ = False  # from the data that the checkpoint it is restored from was trained on
        self._trained_on: str | None = None  # their fingerprint
        self._is_read = False

    @abstractmethod
    def sketch(self) -> tuple[Input, Target]:
        """The spec as far as it is known before any data is read; the rest plausible. For checking a config early."""

    @abstractmethod
    def read(self) -> None:
        """Reads the data into memory: sets `input`, `target`, `train`, `val`, `test`.

        What is already fitted (`load_state_dict` came first) is kept: a tokenizer, a scale, the names of the classes.

        Raises:
            ValueError: for what is wrong with the user's data, in one sentence.
        """

    @abstractmethod
    def examples(self, path: Path) -> tuple[Split, list[str]]:
        """A user's file or folder as a split without targets, and a name for each of its samples. For prediction."""

    def augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Random changes that keep the target right; on the batch, on its device, drawn from `generator`."""
        return batch

    def normalize(self, batch: Batch) -> Batch:
        """What every batch needs before a model sees it, on its device."""
        return batch

    def fitted(self) -> dict[str, Any]:
        """What was learned from the training split, as plain values: a checkpoint keeps it."""
        return {}

    def restore(self, fitted: dict[str, Any]) -> None:
        """Takes back what `fitted` gave."""

    def inherit(self, fitted: dict[str, Any]) -> None:
        """Takes what weights learned elsewhere depend on, from the run they come from: by default nothing."""

    def samples(self, part: HeldOut) -> str:
        """What tells the samples of this part from any others, however they are read and scaled; their targets aside.

        Two runs that hold out other samples for validation may have fitted another tokenizer or scale, and still be
        tested on the same ones.
        """
        return fingerprint(getattr(self, part))

    def files(self) -> Path | None:
        """Where the files it reads are, or would be; None for data that come with an installed package."""
        return None

    def describe(self) -> str:
        """The data in a few words, for the log."""
        counts = f"{len(self.train):,} training, {len(self.val):,} validation, {len(self.test):,} test samples"
        return f"{counts}; {self.input} → {self.target}"

    @property
    def has_changed(self) -> bool:
        """Whether the training data that were read are others than the checkpoint's, as far as it knows them."""
        return self._is_read and self._trained_on not in (None, self._fingerprint)

    @cached_property
    def _fingerprint(self) -> str:
        return fingerprint(self.train)

    # From here on: what Lightning asks for.

    def setup(self, stage: str = "") -> None:
        if self._is_read:
            return
        self.read()
        if len(self.train) < self.batch_size:
            raise ValueError(
                f"data.batch_size={self.batch_size} is larger than the {len(self.train)} training samples: "
                f"type data.batch_size={len(self.train)} or less."
            )
        self._is_read = True

    def train_dataloader(self) -> Loader:
        trainer = self.trainer
        return Loader(
            self.train, self._order(self.train, shuffle=True), epoch=lambda: trainer.current_epoch if trainer else 0
        )

    def val_dataloader(self) -> Loader:
        return Loader(self.val, self._order(self.val))

    def test_dataloader(self) -> Loader:
        return Loader(self.test, self._order(self.test))

    def _order(self, split: Split, *, shuffle: bool = False) -> Order:
        lengths: Tensor | None = getattr(split, "lengths", None)
        rank, world_size = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        return Order(
            len(split),
            self.batch_size,
            seed=self.seed,
            shuffle=shuffle,
            lengths=lengths,
            rank=rank,
            world_size=world_size,
        )

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        if batch.seed is not None:
            batch = self.augment(batch, reseed(batch.seed, batch.input.device))
        return self.normalize(batch)

    def state_dict(self) -> dict[str, Any]:
        return {
            "input": to_plain(self.input),
            "target": to_plain(self.target),
            "fitted": self.fitted(),
            "fingerprint": self._fingerprint,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.compare(state)
        self.input, self.target = from_plain(state["input"]), from_plain(state["target"])
        self.restore(state["fitted"])

    def compare(self, state: dict[str, Any]) -> None:
        """Takes note of the data that this state was saved with.

        Raises:
            ValueError: if other data have been read, unless they may differ.
        """
        self._trained_on = state.get("fingerprint")
        if self.has_changed and not self.may_differ:
            raise ValueError(
                f"resume: the training data are not those that the run began with ({self.describe()}): "
                "type resume.force=true if it should go on with them nevertheless."
            )
