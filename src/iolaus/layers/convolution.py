"""A convolution and its norm, the brick that convolutional networks for pictures are built of."""

from torch import Tensor, nn

from iolaus.layers.norms import Norm, norm_layer


class ConvNorm(nn.Module):
    """(B, C, H, W) → (B, D, ⌈H/stride⌉, ⌈W/stride⌉). The convolution has a bias only where no norm would undo it.

    pool: side of the squares whose maximum goes on; they are taken before the norm, which then has less to do.
    silent: it begins with an output of 0.

    Weights begin as in He et al. 2015 (arXiv:1502.01852), so that their size keeps the variance of the gradients.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        size: int,
        *,
        stride: int = 1,
        pool: int = 1,
        norm: Norm = "batch",
        silent: bool = False,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, size, stride, padding=size // 2, bias=norm == "none")
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")
        if self.conv.bias is not None:
            nn.init.zeros_(self.conv.bias)
        self.pool = nn.MaxPool2d(pool, ceil_mode=True) if pool > 1 else nn.Identity()
        self.norm = norm_layer(norm, out_channels, spatial=True)
        if silent:
            nn.init.zeros_(self.conv.weight if norm == "none" else self.norm.get_parameter("weight"))

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.pool(self.conv(x)))
