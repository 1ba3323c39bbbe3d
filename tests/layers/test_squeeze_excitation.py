import torch

from iolaus.layers.layer_scale import LayerScale
from iolaus.layers.squeeze_excitation import SqueezeExcitation


def test_gates_each_channel_by_what_the_picture_shows() -> None:
    torch.manual_seed(0)
    layer, x = SqueezeExcitation(4, 2, activation="silu"), torch.randn(3, 4, 5, 6)
    gates = layer(x) / x
    torch.testing.assert_close(gates, gates[:, :, :1, :1].expand_as(x))
    assert ((gates > 0) & (gates < 1)).all()
    squeezed = torch.nn.functional.silu(x.mean((2, 3)) @ layer.squeeze.weight[:, :, 0, 0].T + layer.squeeze.bias)
    expected = torch.sigmoid(squeezed @ layer.excite.weight[:, :, 0, 0].T + layer.excite.bias)
    torch.testing.assert_close(gates[:, :, 0, 0], expected)


def test_a_scale_of_each_channel_begins_small() -> None:
    layer, x = LayerScale(3, 0.01), torch.randn(2, 3, 4, 4)
    torch.testing.assert_close(layer(x), 0.01 * x)
    layer.scale.data[1] = 2.0
    torch.testing.assert_close(layer(x)[:, 1], 2 * x[:, 1])
