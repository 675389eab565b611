"""One command of the command line per command of the process, made from the client's typed methods.

The method's name, docstring, parameters and types are the command's, so that there is no second list to forget one in.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import Enum, StrEnum
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any

import typer

from domain import wire
from domain.errors import Invalid
from domain.money import Money
from domain.policy import Policy
from domain.policy.file import text_of
from domain.process import ACTIONS, roles_of
from domain.state import DESK, PARTIES, Role
from starter import entrance, render
from starter.answers import Progress
from starter.client import AftersaleClient
from starter.sending import WITHIN
from starter.terminal import EPILOG, Exit, Id, Json, acting, answering, seconds, show

OWN = frozenset({"adopt_policy"})
"""Commands with a shape of their own, in `starter.cli`."""

OPTIONS: Mapping[str, tuple[str, str]] = {
    "account": ("--account", "the payout account at the provider"),
    "address_id": ("--address-id", "a stored address"),
    "amount": ("--amount", "how much, e.g. '20.00 EUR'"),
    "address_lines": ("--address-line", "an address, line by line: give it once per line"),
    "attachments": ("--attachment", "the id of a stored file: give it once per file"),
    "at": ("--at", "the carrier's time, e.g. 2026-11-24T16:00:00Z"),
    "carrier": ("--carrier", "who carries the parcel"),
    "claim": ("--claim", "the claim, e.g. c1; not needed where one is open"),
    "clock": ("--clock", "pay, confirm, ship, receipt or stall"),
    "customer": ("--customer", "whose method that is at the provider"),
    "days": ("--days", "how many"),
    "digest": ("--digest", "the waiting command, as `aftersale why` shows it"),
    "evidence": ("--evidence", "a stored file's id: give it once per file"),
    "finding": ("--finding", "in what state the goods came back"),
    "insured": ("--insured", "for how much, e.g. '100.00 EUR'"),
    "internal": ("--internal", "for the desk alone"),
    "label": ("--label", "a return label, as a file: a PDF or a picture"),
    "label_id": ("--label-id", "a stored return label"),
    "lines": ("--line", "a line's id: give it once per line"),
    "milestone": ("--milestone", "what the carrier says"),
    "of": ("--of", "whom to ask"),
    "outcome": ("--outcome", "how the ticket ends"),
    "owner": ("--owner", "whose it is from now on"),
    "parcel_id": ("--parcel", "the parcel's id"),
    "payment_intent": ("--payment-intent", "a pre-authorisation"),
    "payment_method": ("--payment-method", "a stored method"),
    "photo": ("--photo", "a picture of the parcel, as a file"),
    "proof": ("--proof", "how sure a delivery is"),
    "reason": ("--reason", "why"),
    "review": ("--review", "the payment is being looked at"),
    "service": ("--service", "the carrier's service level"),
    "text": ("--text", "what to say; stored encrypted, never sent to Temporal"),
    "ticket": ("--ticket", "the ticket's id"),
    "tracking_number": ("--tracking-number", "stored encrypted, never sent to Temporal"),
    "until": ("--until", "e.g. 2026-11-24T16:00:00Z"),
    "verdict": ("--verdict", "the decision"),
    "wait": ("--wait", "seconds to follow the payment until it is settled"),
    "wish": ("--wish", "what should come of it"),
}
"""Each parameter of a typed command as an option, with its help."""

FLAGS: Mapping[str, str] = {"command_id": "--command-id", "ticket_id": "--resolves", "actor.id": "--id"}
"""Likewise what every message has round its body."""

FOLLOW = 20.0
"""Seconds for which `ship` follows the payment unless told otherwise."""


def policy(path: Path, field: str = "--policy") -> Policy:
    """The policy in a file; raises Invalid, naming line and rule."""
    return entrance.policy_of(text_of(_bytes(path, field), str(path)), str(path))


def _bytes(path: Path, field: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Invalid(field, f"{path} cannot be read: {error.strerror}") from None


def add_to(app: typer.Typer) -> None:
    """Every command that people send and that has no shape of its own."""
    for name in ACTIONS:
        if name not in OWN:
            app.command(render.dashed(name), epilog=EPILOG)(_command(name))


def usual_role(name: str) -> Role | None:
    """In whose place a command is sent unless told otherwise; None where it must be told."""
    roles = roles_of(name)
    parties = [role for role in roles if role in PARTIES]
    if len(parties) == 1:
        return parties[0]
    if not parties and Role.OPERATOR in roles:
        return Role.OPERATOR
    return roles[0] if len(roles) == 1 else None


def _command(name: str) -> Callable[..., None]:
    method = getattr(AftersaleClient, name)
    own = [p for p in inspect.signature(method, eval_str=True).parameters.values() if p.kind is Parameter.KEYWORD_ONLY]

    def run(order: str, **given: Any) -> None:
        as_json = given.pop("json")
        how: dict[str, Any] = {
            key: given.pop(key) for key in ("command_id", "signal", "within", "ticket_id") if key in given
        }
        role, actor_id = Role(given.pop("role")), given.pop("actor_id")
        with answering(as_json=as_json), by_options():
            values = {p.name: _value(p, given[p.name]) for p in own}
            if how["signal"]:
                values.pop("wait", None)
            answer = asyncio.run(_sent(name, order, role, actor_id, {**values, **how}))
        show(answer, lambda: render.progress(answer), as_json=as_json)
        if name == "ship" and values.get("wait"):
            _handover(answer, as_json=as_json)

    parameters = [
        Parameter("order", Parameter.KEYWORD_ONLY, annotation=Annotated[str, typer.Argument(help="The order's id.")]),
        *(_option(p, name) for p in own),
        *_common(name),
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # typer reads it
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    run.__doc__ = inspect.getdoc(method)
    run.__name__ = name
    return run


@contextmanager
def by_options() -> Iterator[None]:
    """What is wrong with a field of the message is told under the name of its option, as it was typed."""
    try:
        yield
    except Invalid as error:
        name = error.field.removeprefix("body.")
        flag = OPTIONS[name][0] if name in OPTIONS else FLAGS.get(name)
        if flag is None:
            raise
        raise Invalid(flag, error.rule) from None


async def _sent(name: str, order_id: str, role: Role, actor_id: str, values: Mapping[str, Any]) -> Progress:
    async with AftersaleClient.connect() as client:
        if role in PARTIES and not actor_id:
            known = await client.order(order_id)
            by = acting(role, "", lambda: (known.buyer, known.seller))
        else:
            by = acting(role, actor_id, lambda: ("", ""))
        answer: Progress = await getattr(client, name)(order_id, by, **values)
    return answer


def _handover(answer: Progress, *, as_json: bool) -> None:
    """Say, by words and exit code, whether a sender may part with the parcel."""
    if not as_json:
        typer.echo(render.SHIPMENT[answer.payment])
    codes = {"failed": Exit.REFUSED, "pending": Exit.NOT_JUDGED}
    if answer.payment in codes:
        raise typer.Exit(codes[answer.payment])


def _option(parameter: Parameter, command: str) -> Parameter:
    flag, about = OPTIONS[parameter.name]
    default = FOLLOW if (command, parameter.name) == ("ship", "wait") else parameter.default
    kind: Any = _typed(parameter.annotation)
    if kind == list[str]:
        default = []
    elif default in (None, b""):
        kind, default = kind | None, None
    about = f"{about[0].upper()}{about[1:]}."
    callback = seconds if kind is float else None
    annotation: Any = Annotated[kind, typer.Option(flag, help=about, show_default=bool(default), callback=callback)]
    return Parameter(parameter.name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _typed(annotation: Any) -> Any:
    """How an annotation is typed on the command line."""
    if annotation == Sequence[str]:
        return list[str]
    if annotation in (bytes, Policy):
        return Path
    if annotation in (str, int, float, bool) or (isinstance(annotation, type) and issubclass(annotation, Enum)):
        return annotation
    return str


def _value(parameter: Parameter, given: Any) -> Any:
    """What was typed, as the client wants it. Raises Invalid."""
    annotation, flag = parameter.annotation, OPTIONS[parameter.name][0]
    if given is None:
        return parameter.default
    if annotation in (datetime, datetime | None):
        return wire.instant(given, flag)
    if annotation in (Money, Money | None):
        amount, _, currency = given.partition(" ")
        if not currency:
            raise Invalid(flag, f"{given!r} has no currency; write the amount and its currency, e.g. '20.00 EUR'")
        return Money.of(amount, currency, flag)
    return _bytes(given, flag) if annotation is bytes else given


def _common(name: str) -> list[Parameter]:
    """Who sends it, and how."""
    roles, usual = roles_of(name), usual_role(name)
    choice: Any = StrEnum("Role", [role.value for role in roles])  # type: ignore[misc]  # made from the table
    who = f"In whose place: {', '.join(roles)}."
    texts = {
        "command_id": ("--command-id", "Makes the command repeatable: one id takes effect once."),
        "ticket_id": ("--resolves", "The ticket that this does something about, and so resolves."),
    }
    options = [
        ("role", Annotated[choice, typer.Option("--as", help=who)], usual or Parameter.empty),
        ("actor_id", Id, ""),
        *(
            (key, Annotated[str, typer.Option(flag, help=about, show_default=False)], "")
            for key, (flag, about) in texts.items()
            if key != "ticket_id" or DESK & set(roles)
        ),
        (
            "signal",
            Annotated[bool, typer.Option("--signal", help="Hand it over without waiting for the verdict.")],
            False,
        ),
        (
            "within",
            Annotated[float, typer.Option("--within", help="Seconds to wait for the verdict.", callback=seconds)],
            WITHIN,
        ),
        ("json", Json, False),
    ]
    return [Parameter(key, Parameter.KEYWORD_ONLY, default=default, annotation=kind) for key, kind, default in options]
