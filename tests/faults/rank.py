"""A process of a run that has several, with a fault in it: `python rank.py FAULT` in place of `-m iolaus.rank`."""

import json
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).resolve().parents[2]))
    from iolaus.rank import main
    from tests.faults.fault import Fault

    Fault(**json.loads(sys.argv.pop())).arm()
    main()
