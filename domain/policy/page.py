"""The documentation page of the policy, rendered from the declarations."""

from __future__ import annotations

from dataclasses import Field, fields
from typing import TYPE_CHECKING, Any

from domain.policy import Policy, head, sections
from domain.policy.units import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_INTRODUCTION = """\
# The policy of a marketplace

Every number that a marketplace may change. A policy is one TOML file in `policies/`; only `name` must be given. A file
that breaks a rule is refused with its name, line and rule. Business days are those of the party who must act; an order
keeps the policy with which it was admitted.

A section with `exceptions` can have other numbers for some sellers, for some categories of goods, as the lines of a
checkout name them, and for some reasons of a claim:

```toml
[[claims.exceptions]]
categories = ["books"]
return_window = "30 days"

[[claims.exceptions]]
sellers = ["s-17"]
categories = ["books"]
cheap = {EUR = "40.00"}

[[claims.exceptions]]
reasons = ["damaged", "incomplete"]
report = "7 days"
```

Of two that fit, the later one counts; a claim about lines of several categories goes by what holds without a category.
`aftersale terms` shows what comes of it for goods, before anybody buys them.
"""


def describe() -> str:
    """The page as Markdown: a table of section, key, unit, default and reason."""
    default = Policy(name="")
    rows = [*_rows("", head(), default)]
    for name, kind in sections().items():
        rows += _rows(f"`[{name}]`", fields(kind), getattr(default, name))
    table = ["| section | key | unit | default | reason |", "|---|---|---|---|---|", *rows]
    return _INTRODUCTION + "\n" + "\n".join(table) + "\n"


def _rows(section: str, numbers: Iterable[Field[Any]], values: Any) -> Iterator[str]:
    for number in numbers:
        kind = kind_of(number)
        default = kind.show(getattr(values, number.name))
        yield f"| {section} | `{number.name}` | {kind.unit} | `{default}` | {number.metadata['reason']} |"
