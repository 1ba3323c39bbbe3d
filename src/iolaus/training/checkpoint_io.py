"""How a checkpoint gets onto the disk and back: whole or not at all, and nothing but plain values and tensors."""

import shutil
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import CheckpointIO as LightningCheckpointIO
from torch import Tensor

from iolaus import durable
from iolaus.folder.run_folder import read_checkpoint
from iolaus.process import full_disk
from iolaus.process.full_disk import DiskFullError

_MARGIN = 2**20  # bytes, for what is not tensors


class CheckpointIO(LightningCheckpointIO):
    """Lightning's own writes through a temporary file that may lie on another disk, and does not wait for either.

    Free space is looked at before a save: a disk that is filled to the last byte ends more than this run.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Raises DiskFullError if the disk has no room for it."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        num_bytes = num_bytes_of(checkpoint) + _MARGIN
        if shutil.disk_usage(path.parent).free < num_bytes:
            raise _disk_full(path, num_bytes)
        try:
            durable.write(path, lambda file: torch.save(checkpoint, file))
        except (OSError, RuntimeError) as error:  # filled by others, or a quota that `disk_usage` does not know
            if full_disk.is_full(error):
                raise _disk_full(path, num_bytes) from error
            raise

    def load_checkpoint(
        self, path: str | Path, map_location: Any = "cpu", weights_only: bool | None = True
    ) -> dict[str, Any]:
        return read_checkpoint(Path(path))

    def remove_checkpoint(self, path: str | Path) -> None:
        Path(path).unlink(missing_ok=True)


def num_bytes_of(value: Any) -> int:
    """What the tensors in nested plain values hold, each storage counted once."""
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in _tensors(value)}
    return sum(storages.values())


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [tensor for child in children for tensor in _tensors(child)]


def _disk_full(path: Path, num_bytes: int) -> DiskFullError:
    free = shutil.disk_usage(path.parent).free
    return DiskFullError(
        f"{path.parent} has no room for a checkpoint of {num_bytes / 1e6:.0f} MB ({free / 1e6:.0f} MB are free): "
        f"make some, and go on from the last one with resume={path.parent.parent}."
    )
