"""A callback that ends the process with the first training step, listed as a user lists a package of their own."""

import os
from typing import Any

from lightning.pytorch.callbacks import Callback


class FirstStep(Callback):
    def on_train_batch_end(self, *args: Any) -> None:
        os._exit(0)  # on the spot: leaving Python with torch loaded takes up to a second that is not measured here
