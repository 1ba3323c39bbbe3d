"""What `python train.py --help` says: how to choose, and what there is to choose from."""

import textwrap

from omegaconf import OmegaConf

from iolaus.config.compose import CONF, options

_USAGE = """\
Trains one model on one data set, and leaves everything in a folder of its own under outputs/.

  python train.py                                      the choices marked * below: seconds, and no download
  python train.py model=transformer optimizer=adamw    other choices
  python train.py model=resnet model.depth=32          with other options
  python train.py -m model=mlp,lstm seed=0,1,2         one run for every combination
  python train.py resume=outputs/latest                go on with a run that was stopped
"""

_MORE = """\
conf/GROUP/CHOICE.yaml says what a choice is, and lists its options.

  python train.py model=resnet --cfg job      all options of a run
  eval "$(python train.py -sc install=bash)"  completion of choices and options
  python train.py --hydra-help                Hydra's own flags
  iolaus --help                               what finished runs are good for
"""


def train_help() -> str:
    """Hydra's own help composes a config for every group that it lists, twice; this reads the names of files."""
    return f"{_USAGE}\nChoices (GROUP=CHOICE)\n{_choices()}\n\n{_MORE}"


def _choices() -> str:
    defaults = [entry for entry in OmegaConf.load(CONF / "train.yaml").defaults if OmegaConf.is_dict(entry)]
    chosen = {str(group): choice for entry in defaults for group, choice in entry.items()}
    # Those that decide the most stand last in train.yaml, because they may change the others.
    groups = [group for group in reversed(chosen) if not group.startswith("override")]
    width = max(map(len, groups))
    lines = []
    for group in groups:
        names = [f"{name}*" if name == chosen[group] else name for name in options(group)]
        lines.append(textwrap.fill(f"  {group:<{width}}  {', '.join(names)}", 120, subsequent_indent=" " * (width + 4)))
    return "\n".join(lines)
