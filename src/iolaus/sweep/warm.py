"""What the process that trials are forked from does once for all of them; importing this file does it.

Nothing here starts a thread, which would not survive the fork: so nothing is trained, and no gradient is computed.
"""

import io

from iolaus.process.collector import importing

with importing():
    import torch._dynamo  # noqa: F401  # every optimizer imports it when it is built
    from matplotlib.figure import Figure

    from iolaus.config.check import check
    from iolaus.config.compose import compose
    from iolaus.folder.summary import code
    from iolaus.sweep import trial  # noqa: F401

check(compose([]))  # builds everything for trial: signatures are read, modules imported
code()
Figure().savefig(io.BytesIO())  # fonts are found
