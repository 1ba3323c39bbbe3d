"""Densely connected networks: where dropout is. (Their published sizes: test_parameters.py.)"""

from typing import Any

import pytest
from torch import nn

from iolaus.models.densenet import DenseNet
from iolaus.spec import Classes, Image


@pytest.mark.parametrize("options", [{}, {"bottleneck": False, "compression": False}], ids=["BC", "plain"])
def test_dropout_follows_each_convolution_but_the_first(options: dict[str, Any]) -> None:
    model = DenseNet(Image(3, 32, 32), Classes(("a", "b")), depth=22, dropout=0.2, **options)
    layers = [module for module in model.groups.modules() if isinstance(module, nn.Conv2d | nn.Dropout)]
    assert [isinstance(layer, nn.Dropout) for layer in layers] == [False, True] * (len(layers) // 2)
    assert {layer.p for layer in layers if isinstance(layer, nn.Dropout)} == {0.2}
