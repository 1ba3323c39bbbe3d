"""What the process that trials are forked from does once for all of them; importing this file does it.

It computes nothing with torch: threads that it started would not survive a fork.
"""

import matplotlib.figure  # noqa: F401
import torch._dynamo  # noqa: F401  # every optimizer imports it when it is built

from iolaus.config.compose import compose
from iolaus.folder.summary import code
from iolaus.sweep import trial  # noqa: F401

compose([])  # Hydra looks for its plugins; most trials take most of these choices
code()
