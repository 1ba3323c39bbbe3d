"""Named sizes, as papers have them, and what they leave to say where their parts are chosen one by one."""

import warnings


def warn_if_overruled(size: str, default: str, **parts: object) -> None:
    """Where every part that a size stands for is given, a size that was asked for means nothing any more."""
    if size != default and None not in parts.values():
        warnings.warn(
            f"model.size={size} has no effect where {', '.join(f'model.{name}' for name in parts)} are given.",
            stacklevel=3,
        )
