"""The built-in digits are scikit-learn's, divided the same way in every run."""

import builtins
import sys
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from iolaus.data.images.digits import Digits
from iolaus.spec import Classes, Image


def test_they_are_scikit_learns() -> None:
    data, theirs = Digits(), load_digits()
    data.setup()
    pixels = np.rint(theirs.images * 255 / 16).astype(np.uint8)
    assert torch.equal(data.train.values[:, 0], torch.from_numpy(pixels))
    assert data.train.labels is not None
    assert torch.equal(data.train.labels, torch.from_numpy(theirs.target))
    assert (data.input, data.target) == (Image(1, 8, 8), Classes(tuple("0123456789"))) == data.sketch()


def test_the_test_split_is_the_same_for_every_seed() -> None:
    first, second = Digits(seed=0), Digits(seed=1)
    first.setup()
    second.setup()
    assert first.test.rows.tolist() == second.test.rows.tolist()
    assert len(first.test) == pytest.approx(1797 / 5, abs=1)
    assert first.test.targets.bincount().tolist() == pytest.approx([36] * 10, abs=3)
    assert first.val.rows.tolist() != second.val.rows.tolist()
    for data in (first, second):
        assert len(data.val) == 144
        everything = torch.cat([data.train.rows, data.val.rows, data.test.rows]).sort().values
        assert torch.equal(everything, torch.arange(1797))


def test_scikit_learn_is_found_but_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, *rest: Any) -> Any:
        assert not name.startswith("sklearn")
        return real_import(name, *rest)

    real_import = builtins.__import__
    monkeypatch.delitem(sys.modules, "sklearn", raising=False)
    monkeypatch.setattr(builtins, "__import__", refuse)
    assert len(Digits().load().test) > 0
    assert "sklearn" not in sys.modules
