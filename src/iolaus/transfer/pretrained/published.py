"""`init_from=hf:NAME`: a published model, its options, its weights under our names, and its tokenizer."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from iolaus.transfer.pretrained import bert, gpt, resnet, t5, vit
from iolaus.transfer.weights import copy_weights

log = logging.getLogger(__name__)

PREFIX = "hf:"

# By the `model_type` of a published config.json: our architecture, and what knows its names.
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
        text = " ".join(f"model.{key}={value}" for key, value in differing.items())
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
        ours = model.state_dict()
        weights = family.renamed(published)
        if hasattr(family, "resized"):
            weights = family.resized(weights, ours)
        copy_weights(model, {name: _with_rows(weight, ours.get(name)) for name, weight in weights.items()})

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


def _with_rows(weight: Tensor, ours: Tensor | None) -> Tensor:
    """Tables of tokens with as many rows as ours: published ones are filled up to round numbers, or lack padding."""
    if ours is None or weight.shape[1:] != ours.shape[1:] or weight.shape == ours.shape:
        return weight
    if len(weight) > len(ours):
        return weight[: len(ours)]
    fresh = weight.new_zeros(ours.shape)
    fresh[: len(weight)] = weight
    return fresh
