"""The rules of the rooms: who may import whom, and how large files, functions and rooms may grow.

`violations` reads the source of a tree and answers with one sentence per broken rule that says what to do about it.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ALLOWED: Mapping[str, tuple[str, ...]] = {
    "domain": ("domain",),
    "workflows": ("workflows", "domain"),
    "activities": ("activities", "domain"),
    "starter": ("starter", "domain", "activities.store"),
    "gateway": ("gateway", "domain", "activities.store"),
    "sandbox": ("sandbox", "domain.money"),
}
"""What each room may import of ours, by prefix. All other rooms and worker.py see all."""

DOORS: Mapping[str, tuple[str, ...]] = {
    "starter/entrance.py": ("activities.calendars",),
    "starter/files/shelf.py": ("activities.files",),
    "starter/pack/enclosed.py": ("activities.files",),
    "starter/parties.py": ("activities.tracking_advice",),
    "starter/runs.py": ("activities.runs",),
    "starter/sending.py": ("activities.files.accept",),
    "workflows/steps.py": ("activities",),
    "gateway/__main__.py": ("activities", "starter.settings"),
}
"""What single files may import on top of their room."""

WHY: Mapping[str, str] = {
    "domain": "the domain is pure: hand the value in as an argument, or move the code to the room that needs it",
    "workflows": "workflows are deterministic: I/O is an activity, and workflows/steps.py is the only file to name one",
    "activities": "activities serve whoever calls them: pass what is needed as arguments",
    "starter": "a storefront copies this room: it may know the domain and the store, nothing else",
    "gateway": "the gateway may know the domain and the store: let the workflow do the rest",
    "sandbox": "the sandbox is the outside world: it must not know how we think, only domain.money",
}

OPEN_ROOMS = ("bench", "demo", "docs", "faults", "migrations", "tests")
FILE_LINES = 400
FUNCTION_LINES = 60
ROOM_MODULES = 24
LARGER_ROOMS: Mapping[str, int] = {"domain": 36}
"""Folders that may hold more. The domain has a file per moment of an order's life beside its common words."""

FAN_OUT = 16
FAN_IN = 8

EXCEPTIONS: Mapping[str, str] = {
    "domain/events.py": "everything that can happen to an order in one place: records of a few lines",
    "domain/state.py": "the vocabulary of an order in one place: enumerations and records, and folds of a few lines",
}
"""Files (``room/file.py``) and functions (``room/file.py:name``) that may be longer, each with its reason."""


@dataclass(frozen=True)
class Module:
    """One source file: its path below the root, dotted name, text and syntax tree."""

    path: str
    name: str
    text: str
    tree: ast.Module

    @property
    def room(self) -> str:
        return self.name.partition(".")[0]


def violations(root: Path, exceptions: Mapping[str, str] = EXCEPTIONS) -> list[str]:
    """Every broken rule in the tree under `root`, as sentences, in the order of the files."""
    modules = list(_modules(root))
    names = {module.name for module in modules}
    found = [problem for module in modules for problem in _directions(module, names)]
    found += [problem for module in modules for problem in _lengths(module) if problem[0] not in exceptions]
    return [f"{place}: {sentence}" for place, sentence in found + list(_crowds(modules, names))]


def _modules(root: Path) -> Iterator[Module]:
    rooms = [*ALLOWED, *OPEN_ROOMS]
    files = [file for room in rooms for file in sorted((root / room).rglob("*.py"))]
    for file in [*files, *sorted(root.glob("*.py"))]:
        relative = file.relative_to(root)
        name = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
        text = file.read_text()
        yield Module(relative.as_posix(), name, text, ast.parse(text, filename=str(file)))


def _imports(module: Module, names: set[str]) -> Iterator[tuple[int, str]]:
    """Line and full module name of every import, ``from room import module`` included."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield node.lineno, full if full in names else node.module


def _directions(module: Module, names: set[str]) -> Iterator[tuple[str, str]]:
    if module.room not in ALLOWED:
        return
    ours = {*ALLOWED, *OPEN_ROOMS, *(name for name in names if "." not in name)}
    allowed = ALLOWED[module.room] + DOORS.get(module.path, ())
    for line, target in dict.fromkeys(_imports(module, names)):
        top = target.partition(".")[0]
        if top in ours:
            refused = not any(target == prefix or target.startswith(f"{prefix}.") for prefix in allowed)
        else:
            refused = module.room == "domain" and top not in sys.stdlib_module_names
        if refused:
            yield f"{module.path}:{line}", f"imports {target}; {WHY[module.room]}"


def _lengths(module: Module) -> Iterator[tuple[str, str]]:
    lines = len(module.text.splitlines())
    if lines > FILE_LINES:
        yield module.path, f"has {lines} lines, {FILE_LINES} at most; split it where two concerns meet"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                place = f"{module.path}:{node.name}"
                yield place, f"has {length} lines, {FUNCTION_LINES} at most; name its parts and call them"


def _crowds(modules: list[Module], names: set[str]) -> Iterator[tuple[str, str]]:
    """Rooms with too many files, files that know too many others, files that too many others outside know."""
    inside = [module for module in modules if module.room in ALLOWED]
    folders = Counter(module.path.rpartition("/")[0] for module in inside if not module.path.endswith("__init__.py"))
    for folder, count in folders.items():
        most = LARGER_ROOMS.get(folder, ROOM_MODULES)
        if count > most:
            yield folder, f"holds {count} files, {most} at most; give a group of them a folder of their own"
    entered: Counter[str] = Counter()
    for module in inside:
        known = {target for _, target in _imports(module, names) if target in names}
        if len(known) > FAN_OUT:
            yield module.path, f"imports {len(known)} of our modules, {FAN_OUT} at most; it does too many things"
        entered.update(target for target in known if not target.startswith((f"{module.room}.", "domain")))
    for target, count in entered.items():
        if count > FAN_IN:
            sentence = f"is imported by {count} files of other rooms, {FAN_IN} at most; what all share is domain"
            yield target, sentence
