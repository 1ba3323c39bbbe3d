"""Checkpoints on the disk: few, whole, and recognised when they are not."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from iolaus import durable
from iolaus.folder.checkpoints import Checkpoints
from iolaus.training.checkpoint_io import CheckpointIO, DiskFullError, num_bytes_of
from tests.failure.fits import parts


def _save(checkpoints: Checkpoints, number: int, *, is_best: bool = False) -> None:
    CheckpointIO().save_checkpoint({"number": number, "weights": torch.full((100,), float(number))}, checkpoints.new)
    checkpoints.adopt(is_best=is_best, step=number)


def _number(path: Path) -> int:
    return torch.load(path, weights_only=True)["number"]


def test_the_last_two_and_the_best_are_kept(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.newest() is None
    for number in range(6):
        _save(checkpoints, number, is_best=number == 2)
    assert [_number(path) for path in (checkpoints.last, checkpoints.previous, checkpoints.best)] == [5, 4, 2]
    assert {path.name for path in checkpoints.folder.iterdir()} == {
        *("last.ckpt", "previous.ckpt", "best.ckpt", "digests.json")
    }
    assert checkpoints.newest() == checkpoints.last
    assert checkpoints.facts(checkpoints.last) == {"step": 5}
    assert len(json.loads((checkpoints.folder / "digests.json").read_text())) == 4  # and the one that it replaced


class _CrashError(Exception):
    pass


@pytest.mark.parametrize("number", range(9))
def test_a_crash_between_any_two_operations_leaves_one_that_is_whole(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = Checkpoints(tmp_path)
    _save(checkpoints, 0, is_best=True)
    _save(checkpoints, 1)
    left = number

    def counted(original: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise _CrashError
            return original(*arguments, **options)

        return call

    with monkeypatch.context() as patch:
        for name in ("fsync", "replace", "link"):
            patch.setattr(os, name, counted(getattr(os, name)))
        with pytest.raises(_CrashError):
            _save(checkpoints, 2, is_best=True)
    after = Checkpoints(tmp_path)
    newest = after.newest()
    assert newest is not None
    assert _number(newest) in (1, 2)
    assert after.is_whole(after.best)
    _save(after, 2, is_best=True)  # and the run goes on
    assert [_number(path) for path in (after.last, after.best)] == [2, 2]


def test_a_damaged_one_is_named_and_passed_by(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    for number in range(2):
        _save(checkpoints, number)
    checkpoints.last.write_bytes(checkpoints.last.read_bytes()[:-10])
    with pytest.warns(UserWarning, match=r"last\.ckpt is damaged"):
        assert checkpoints.newest() == checkpoints.previous
    checkpoints.previous.write_bytes(b"")
    with pytest.warns(UserWarning, match="damaged"), pytest.raises(ValueError, match=r"no checkpoint in .* is whole"):
        checkpoints.newest()


def test_a_full_disk_is_noticed_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=10**6)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DiskFullError, match=r"no room for a checkpoint of 1 MB \(1 MB are free\)"):
        _save(Checkpoints(tmp_path), 0)
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_views_of_one_storage_count_once() -> None:
    weights = torch.zeros(1000)
    assert num_bytes_of({"a": weights, "b": [weights[:10], (weights.view(10, 100),)], "c": 3}) == 4000


def test_a_file_is_the_old_one_until_it_is_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    durable.write(path, lambda file: file.write(b"old"))

    def fails(file: Any) -> None:
        file.write(b"half")
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - any
        durable.write(path, fails)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_each_checkpoint_is_read_once_for_its_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def digest(file: Any, name: str) -> Any:
        read.append(file.name)
        return hashlib.new(name, file.read())

    monkeypatch.setattr(hashlib, "file_digest", digest)
    options = ("callbacks.checkpoint.every_n_steps=2", "trainer.max_epochs=1")
    trainer, task, data = parts(tmp_path, *options)
    trainer.fit(task, datamodule=data)
    assert len(read) == 4  # after steps 2 and 4, before the validation, and after the epoch
