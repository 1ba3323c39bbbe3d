"""The scale of pixels that published weights for pictures were trained with."""

import json
from pathlib import Path
from typing import Any

FILE = "preprocessor_config.json"


def fitted(file: Path, config: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001 - as texts' tokenizers are read
    """What `ImageData.inherit` takes: mean and deviation of each channel, for pixels from 0 to 255."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        mean, std = ([255.0 * float(value) for value in found[name]] for name in ("image_mean", "image_std"))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file} does not say image_mean and image_std of each channel.") from error
    return {"mean": mean, "std": std}
