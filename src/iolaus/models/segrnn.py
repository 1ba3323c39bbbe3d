"""SegRNN: a recurrent network that reads a series segment by segment, and forecasts all its segments at once."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from iolaus.layers.channels import channel_windows
from iolaus.layers.features import Features
from iolaus.layers.reversible import restore_level
from iolaus.ranges import Count, Rate
from iolaus.spec import Forecast, Series


class SegRNN(nn.Module):
    """A GRU over the segments of each channel; from its last state one more step for each segment of the forecast.

    Lin et al. 2023, arXiv:2308.11200, figure 4: these steps do not follow one another but are taken side by side, with
    the same GRU, each from a learned vector that says which segment and which channel it is for (parallel multi-step
    forecasting).

    dim: features of the state; half of the learned vectors tells segments apart, half channels.
    segment_size: steps; None: 48, or as few as make four segments of the window and one of the horizon.
    dropout: on the states that the head reads.
    instance_norm: takes away mean and standard deviation instead of the last value.

    Raises:
        ValueError: for an odd dim, or segments longer than the window.
    """

    reads: ClassVar[tuple[type, ...]] = (Series,)
    writes: ClassVar[tuple[type, ...]] = (Forecast,)

    def __init__(
        self,
        input: Series,
        target: Forecast,
        *,
        dim: Count = 512,
        segment_size: Count | None = None,
        dropout: Rate = 0.5,
        instance_norm: bool = False,
    ) -> None:
        super().__init__()
        size = segment_size or max(1, min(48, input.length // 4, target.horizon))
        if size > input.length:
            raise ValueError(
                f"model.segment_size={size} is longer than the window of {input.length} steps: "
                f"type model.segment_size={input.length} or less."
            )
        self.instance_norm = instance_norm
        self.embedding = SegmentEmbedding(size, dim)
        self.recurrence = nn.GRU(dim, dim, batch_first=True)
        self.places = Places(-(-target.horizon // size), input.channels, dim)
        self.head = SegmentHead(dim, size, target, dropout=dropout)

    def features(self, x: Tensor) -> Features:
        windows = channel_windows(x, without="mean" if self.instance_norm else "last")
        _, state = self.recurrence(self.embedding(windows.values))  # (1, B·C, D)
        places = self.places(num_samples=len(x))  # (B·C, M, D) for M segments to come
        num_segments = places.shape[1]
        states = state.repeat_interleave(num_segments, dim=1)  # (1, B·C·M, D): all start from the same
        values, _ = self.recurrence(places.flatten(0, 1).unsqueeze(1), states)
        return windows.with_values(values.view_as(places))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def stages(self) -> list[nn.Module]:
        return [self.embedding, self.recurrence, self.places, self.head]


class SegmentEmbedding(nn.Module):
    """(B·C, 1, T) → relu of a linear layer on each segment: (B·C, N, D). The first value fills up the first segment."""

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self.size = size
        self.project = nn.Linear(size, dim)

    def forward(self, windows: Tensor) -> Tensor:
        missing = windows[..., :1].expand(-1, -1, -windows.shape[2] % self.size)
        segments = torch.cat([missing, windows], dim=2).view(len(windows), -1, self.size)
        return self.project(segments).relu()


class Places(nn.Module):
    """One vector for each segment to come of each channel: half says which segment, half which channel."""

    def __init__(self, num_segments: int, num_channels: int, dim: int) -> None:
        super().__init__()
        if dim % 2:
            raise ValueError(f"model.dim={dim} cannot be shared by segments and channels: type model.dim={dim + 1}.")
        self.segments = nn.Parameter(torch.randn(num_segments, dim // 2))
        self.channels = nn.Parameter(torch.randn(num_channels, dim // 2))

    def forward(self, *, num_samples: int) -> Tensor:
        """(B·C, M, D)"""
        num_segments, num_channels = len(self.segments), len(self.channels)
        segments = self.segments.expand(num_channels, -1, -1)
        channels = self.channels.unsqueeze(1).expand(-1, num_segments, -1)
        return torch.cat([segments, channels], dim=2).repeat(num_samples, 1, 1)


class SegmentHead(nn.Module):
    """A linear layer on each state is a segment of the forecast: (B·C, M, D) → (B, horizon, C)."""

    def __init__(self, dim: int, size: int, target: Forecast, *, dropout: float) -> None:
        super().__init__()
        self.channels, self.horizon = target.channels, target.horizon
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Linear(dim, size)

    def forward(self, features: Features) -> Tensor:
        steps = self.project(self.dropout(features.values)).flatten(1)[:, : self.horizon]  # (B·C, horizon)
        forecast = steps.unflatten(0, (-1, self.channels)).transpose(1, 2)
        assert features.level is not None
        assert features.scale is not None
        return restore_level(forecast, features.level, features.scale)
