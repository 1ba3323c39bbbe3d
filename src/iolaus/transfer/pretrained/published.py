"""`init_from=hf:NAME`: a published model, its options, its weights under our names, and its tokenizer."""

import json
import logging
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from iolaus.transfer.pretrained import bert, gpt, resnet, t5, vit
from iolaus.transfer.weights import copy_weights

log = logging.getLogger(__name__)

PREFIX = "hf:"

# By the `model_type` of a published config.json: our architecture, and what knows its names: with which options it fits
# (`options`), what weights are called here (`renamed`), which of ours have a row for each token (`TABLES`), which of
# theirs nobody needs (`SUPERFLUOUS`); for some, what to do about a head that is the table of words (`completed`), and
# which `pictures` they learned from.
_FAMILIES: dict[str, tuple[str, ModuleType]] = {
    "bert": ("BERT", bert),
    "gpt2": ("GPT", gpt),
    "t5": ("T5", t5),
    "vit": ("ViT", vit),
    "resnet": ("ResNet", resnet),
}
_READINGS = tuple(dict.fromkeys(family.FILE for _, family in _FAMILIES.values()))
_FILES = ("config.json", "model.safetensors")  # and one that says how to read: a family's FILE


@dataclass(frozen=True)
class Published:
    """A published model, in a folder as the hub has them.

    Raises:
        ValueError: from whatever reads a file that is not there, or not what it should be.
    """

    name: str
    folder: Path

    @cached_property
    def config(self) -> dict[str, Any]:
        file = self._file("config.json")
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{file} is no JSON ({error}).") from error
        if not isinstance(found, dict):
            raise ValueError(f"{file} is no model's config: it holds no options.")
        return found

    def problems(self, model: type, options: Mapping[str, Any]) -> list[str]:
        """Why these options of this model do not fit the weights, with what to type instead."""
        kind = self.config.get("model_type")
        if kind not in _FAMILIES:
            able = ", ".join(_FAMILIES)
            return [
                f"init_from={PREFIX}{self.name}: it is of the kind {kind}, which has no counterpart here: {able} do."
            ]
        name, family = _FAMILIES[kind]
        if model.__name__ != name:
            return [f"init_from={PREFIX}{self.name}: these are weights of {name}: type model={name.lower()}."]
        try:
            wanted = family.options(self.config)
        except ValueError as error:
            return [str(error)]
        differing = {key: value for key, value in wanted.items() if options.get(key) != value}
        if not differing:
            return []
        text = " ".join(f"model.{key}={_typed(value)}" for key, value in differing.items())
        return [f"init_from={PREFIX}{self.name}: the weights are of another size: type {text}."]

    def fitted(self) -> dict[str, Any]:
        """What data need in order to read as these weights learned to read."""
        _, family = _FAMILIES[self.config["model_type"]]
        return family.fitted(self._file(family.FILE), self.config)

    def load_into(self, model: nn.Module) -> None:
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        _, family = _FAMILIES[self.config["model_type"]]
        file = self._file("model.safetensors")
        try:
            published = load_file(file)
        except SafetensorError as error:
            raise ValueError(f"{file} is damaged, or no file of weights ({error}).") from error
        ours, weights = model.state_dict(), self._renamed(published)
        if hasattr(family, "completed"):
            weights = family.completed(weights, ours)
        for name in family.TABLES:
            if name in weights and name in ours:
                weights[name] = _with_rows(weights[name], ours[name])
        copy_weights(model, weights, family.pictures(self.config) if hasattr(family, "pictures") else None)

    def _renamed(self, published: dict[str, Tensor]) -> dict[str, Tensor]:
        """Weights under our names. Those that have none here are told of, unless everyone can do without them."""
        _, family = _FAMILIES[self.config["model_type"]]
        found = {name: family.renamed({name: weight}) for name, weight in published.items()}
        weights = {name: weight for part in found.values() for name, weight in part.items()}
        unknown = [name for name, part in found.items() if not part and not re.fullmatch(family.SUPERFLUOUS, name)]
        tables = [weights[name] for name in family.TABLES if name in weights]
        missed = [name for name in unknown if not any(_is_same(published[name], table) for table in tables)]
        if missed:
            warnings.warn(
                f"init_from={PREFIX}{self.name}: {', '.join(missed[:3])}{', …' if missed[3:] else ''} "
                f"({len(missed)} of {len(published)} weights) have no place in this model and are left out.",
                stacklevel=2,
            )
        return weights

    @property
    def _needed(self) -> tuple[str, ...]:
        """The files of a model of its kind."""
        kind = self.config.get("model_type") if (self.folder / _FILES[0]).is_file() else None
        return (*_FILES, _FAMILIES[kind][1].FILE) if kind in _FAMILIES else _FILES

    def _file(self, name: str) -> Path:
        file = self.folder / name
        if not file.is_file():
            raise ValueError(
                f"init_from={PREFIX}{self.name}: {self.folder} has no {name}; a model needs {', '.join(self._needed)}."
            )
        return file


def open_published(source: str) -> Published:
    """`source`: hf: and a folder, or a name on the hub, from where it is downloaded once.

    Raises:
        ValueError: if it is neither, or the hub cannot be reached.
    """
    name = source.removeprefix(PREFIX)
    if Path(name).is_dir():
        return Published(name, Path(name))
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    except ImportError as error:
        raise ValueError(f'init_from={source} needs: pip install -c constraints.txt -e ".[pretrained]".') from error
    import httpx

    try:
        return Published(name, Path(snapshot_download(name, allow_patterns=[*_FILES, *_READINGS])))
    except (OSError, HfHubHTTPError, HFValidationError, httpx.HTTPError) as error:
        raise ValueError(
            f"init_from={source}: there is no folder {name}, and the hub has no such model or cannot be reached; "
            f"put {', '.join(_FILES)} and {' or '.join(_READINGS)} into a folder and type init_from={PREFIX}FOLDER."
        ) from error


def _typed(value: Any) -> str:
    """As one types it: null, true and false are not Python's."""
    return value if isinstance(value, str) else json.dumps(value)


def _is_same(weight: Tensor, table: Tensor) -> bool:
    """A table of tokens may be in a file once for each of its uses."""
    return weight.dtype == table.dtype and torch.equal(weight, table)


def _with_rows(weight: Tensor, ours: Tensor) -> Tensor:
    """Tables of tokens with as many rows as ours: published ones are filled up to round numbers, or lack padding."""
    if weight.shape[1:] != ours.shape[1:] or weight.shape == ours.shape:
        return weight
    if len(weight) > len(ours):
        return weight[: len(ours)]
    fresh = weight.new_zeros(ours.shape)
    fresh[: len(weight)] = weight
    return fresh
