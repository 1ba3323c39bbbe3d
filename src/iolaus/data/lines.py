"""Whether a file is text in lines at all, found by reading a little of it at a time: a stranger's table may be
gigabytes without a line break, or of zeros, and no parser should be handed such a thing."""

from pathlib import Path

_MAX_LINE = 2**24  # bytes; the longest novels have a quarter of that
_CHUNK = 2**20


def refuse_endless_lines(path: Path) -> None:
    """Reads no further than the first line that is too long.

    Raises:
        ValueError: if a line has more than 16 MiB, or the file holds null bytes.
    """
    length = 0  # of the line that the last chunk left open
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            if b"\0" in chunk:
                raise ValueError(f"{path} holds null bytes, so it is no text: give a CSV file in UTF-8.")
            first = chunk.find(b"\n")
            length = length + len(chunk) if first < 0 else len(chunk) - 1 - chunk.rfind(b"\n")
            if length > _MAX_LINE:
                raise ValueError(
                    f"{path} has a line of more than {_MAX_LINE >> 20} MiB: it is no table of one row a line."
                )
