"""``python -m docs.generate [--check]``: write the documents that the code can tell, or say which are out of step."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from docs import claims_page, money_page, process_page
from docs.messages import schemas
from domain.policy import page as policy_page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parent
MEND = "run `make docs` and commit what it writes"


def documents() -> Mapping[str, str]:
    """Every generated document: its path below ``docs/`` and its text. The same code gives the same text."""
    messages = {
        f"schemas/{name}.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        for name, schema in sorted(schemas().items())
    }
    pages = {
        "claims.md": claims_page.render(),
        "money.md": money_page.render(),
        "policy.md": policy_page.describe(),
        "process.md": process_page.render(),
    }
    return {**pages, **messages}


def differences(root: Path = ROOT) -> list[str]:
    """The documents below `root` that are missing, out of step with the code, or of a message that is no more."""
    wanted = documents()
    stale = [path for path, text in wanted.items() if _read(root / path) != text]
    return sorted([*stale, *_leftovers(root, wanted)])


def write(root: Path = ROOT) -> None:
    """Bring the documents below `root` in step with the code."""
    wanted = documents()
    for path in _leftovers(root, wanted):
        (root / path).unlink()
    for path, text in wanted.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """The exit code: 0, or 1 when `--check` found a difference."""
    parser = argparse.ArgumentParser(prog="python -m docs.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say which are out of step, with exit code 1")
    if not parser.parse_args(arguments).check:
        write(root)
        return 0
    found = differences(root)
    for path in found:
        sys.stderr.write(f"docs/{path} is out of step with the code; {MEND}\n")
    return 1 if found else 0


def _read(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.is_file() else None


def _leftovers(root: Path, wanted: Mapping[str, str]) -> list[str]:
    there = (file.relative_to(root).as_posix() for file in root.glob("schemas/*.json"))
    return [path for path in there if path not in wanted]


if __name__ == "__main__":
    sys.exit(main())
