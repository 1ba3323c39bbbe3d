from functools import partial
from typing import get_args

import pytest
import torch
import torch.nn.functional as F

from iolaus.layers.activations import Activation, activation_layer


@pytest.mark.parametrize("name", get_args(Activation))
def test_is_torchs_function_and_leaves_its_input_alone(name: Activation) -> None:
    x = torch.linspace(-3, 3, 31)
    before = x.clone()
    function = partial(F.gelu, approximate="tanh") if name == "gelu_tanh" else getattr(F, name)
    torch.testing.assert_close(activation_layer(name)(x), function(before))
    torch.testing.assert_close(x, before)
