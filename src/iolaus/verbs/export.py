"""`iolaus export RUN --format safetensors`: a finished run's model as one file that other programs read."""

import json
from pathlib import Path
from typing import Any, Literal, get_args

from omegaconf import OmegaConf
from safetensors.torch import save_model

from iolaus.folder.run_folder import RunFolder
from iolaus.spec import to_plain
from iolaus.verbs.rebuild import rebuild

Format = Literal["safetensors"]
FORMATS: tuple[Format, ...] = get_args(Format)


def export(run: RunFolder, format: Format = "safetensors") -> Path:
    """Writes RUN/export/model.safetensors: the best weights by validation, by their names in the model.

    Its metadata, all JSON, are `input` and `target` (the spec), `model` (its config) and `fitted` (the tokenizer, scale
    or classes that its data were read with). Of a tensor that several modules share, one name has the values, and the
    others are metadata that name it: `safetensors.torch.load_model` puts them together.

    Raises:
        ValueError: if the run has no checkpoint, or does not fit the code.
    """
    assert format in FORMATS
    task, data = rebuild(run)
    described = {
        "format": "pt",
        "input": to_plain(data.input),
        "target": to_plain(data.target),
        "model": OmegaConf.to_container(run.config.model, resolve=False),
        "fitted": data.fitted(),
    }
    folder = run.path / "export"
    folder.mkdir(exist_ok=True)
    file, partial = folder / "model.safetensors", folder / "model.partial"
    save_model(task.model, str(partial), {key: _text(value) for key, value in described.items()})
    partial.replace(file)
    return file


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
