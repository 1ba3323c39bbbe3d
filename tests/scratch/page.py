"""Runs the snippets of a page, one after the other, as a reader would.

A block of ```python may be followed by one of ```text: that is what it prints. Pictures are written beside the page.

    python -m tests.scratch.page      rewrites what docs/autograd.md shows, texts and pictures
"""

import contextlib
import io
import os
import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[2] / "docs" / "autograd.md"

_BLOCK = re.compile(r"```python\n(?P<code>.*?)```\n(?:\n```text\n(?P<printed>.*?)```\n)?", re.DOTALL)


def snippets(page: Path) -> list[tuple[str, str]]:
    """Code, and what the page says it prints."""
    return [(block["code"], block["printed"] or "") for block in _BLOCK.finditer(page.read_text(encoding="utf-8"))]


def run(code: str, names: dict[str, Any]) -> str:
    """What it prints; names are kept for the next."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, str(PAGE), "exec"), names)
    return printed.getvalue()


def rewrite(page: Path) -> None:
    names: dict[str, Any] = {}

    def renewed(block: re.Match[str]) -> str:
        printed = run(block["code"], names)
        return f"```python\n{block['code']}```\n" + (f"\n```text\n{printed}```\n" if printed else "")

    os.chdir(page.parent)
    page.write_text(_BLOCK.sub(renewed, page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    rewrite(PAGE)
