"""A value on its way from the device to the host, so that nobody waits for the device while it has work to do."""

import torch
from torch import Tensor


class HostCopy:
    """Copies a tensor to the host in the background; `read` waits for this copy, and for nothing queued after it.

    On a CPU the value is simply there.
    """

    def __init__(self, value: Tensor) -> None:
        self._value = value.detach()
        self._copied: torch.cuda.Event | None = None
        if value.is_cuda:
            self._value = self._value.to("cpu", non_blocking=True)  # into pinned memory
            self._copied = torch.cuda.Event()
            self._copied.record()

    def read(self) -> Tensor:
        if self._copied is not None:
            self._copied.synchronize()
        return self._value
