"""A real sandbox that has made as many movements as wanted: each kind of life is lived once, then copied in its file.

The first lives are lived over HTTP through the adapter, so that what the copies bear is what the adapter leaves.
"""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from activities.providers.stripe import StripePayments
from demo.processes import child
from domain.money import Money
from sandbox.client import SandboxClient
from tests.reconcile.volumes import LIVES, Move

COPIED = (
    "payment_intent", "charge", "refund", "transfer", "transfer_reversal", "dispute", "balance_transaction", "customer",
    "payment_method", "mandate",
)  # fmt: skip
"""Records of the sandbox that an order's movements consist of."""

FEE = 1_500


@contextmanager
def running(state: Path) -> Iterator[SandboxClient]:
    """The sandbox as a process of its own that keeps everything in `state`."""
    command = [sys.executable, "-m", "sandbox", f"--state={state}"]
    with child("sandbox", command, log=state.with_suffix(".log")) as process:
        yield SandboxClient(f"http://{process.wait_for_line('http://', seconds=120)}")


@dataclass(frozen=True)
class Model:
    """One life that was lived at the provider: its movements as we asked for them, and its records in the file."""

    moves: tuple[Move, ...]
    records: tuple[tuple[str, str, str, str], ...]

    def names(self, order_id: str) -> Mapping[str, str]:
        """What every name in this life is called in a copy for another order."""
        ids = {id_ for _, id_, _, _ in self.records}
        return {self.moves[0].order_id: order_id, **{id_: f"{id_}{order_id.partition('-')[2]}" for id_ in ids}}


def live(payments: StripePayments, sandbox: SandboxClient, order_id: str, verbs: Sequence[str]) -> list[Move]:
    """One life at the provider: authorised, captured, and what `verbs` say."""
    amount, at = Money(4_990, "EUR"), datetime.now(UTC).replace(microsecond=0)
    account = f"acct_{order_id}"
    sandbox.account(account)
    held = payments.authorise(
        order_id=order_id, method="pm_card_visa", customer="", amount=amount, key=f"{order_id}:authorise:1"
    )
    charge = payments.capture(hold=held.ref, amount=amount, key=f"{order_id}:capture:2").ref
    moves = [Move(order_id, "capture", 2, charge, amount.minor, held.ref, at)]
    last = charge
    for seq, verb in enumerate(verbs, 3):
        key, source = f"{order_id}:{verb}:{seq}", charge
        match verb:
            case "release":
                last = payments.release(order_id=order_id, charge=charge, account=account, amount=amount, key=key).ref
            case "reverse_release":
                source, last = last, payments.reverse_release(release=last, amount=amount, key=key).ref
            case "refund":
                last = payments.refund(charge=charge, amount=amount, key=key).ref
            case "refund_failed":
                sandbox.settle_refund(last, "failed")
            case "dispute":
                last = sandbox.dispute(held.ref, fee=FEE)["id"]
            case _:
                sandbox.close_dispute(last, "won", fee_returned=FEE)
        fee = FEE if verb in ("dispute", "dispute_won") else 0
        moves.append(Move(order_id, verb, seq, last, amount.minor, source, at, fee))
    return moves


def models(state: Path) -> list[Model]:
    """One life of each kind, lived in a sandbox that keeps `state`."""
    with running(state) as sandbox:
        payments = StripePayments("sk_test_1", url=sandbox.url)
        lived = [live(payments, sandbox, f"v-{n:06}", verbs) for n, verbs in enumerate(LIVES)]
    with closing(sqlite3.connect(state)) as file:
        return [Model(tuple(moves), tuple(_records(file, moves[0].order_id))) for moves in lived]


def _records(file: sqlite3.Connection, order_id: str) -> Iterator[tuple[str, str, str, str]]:
    query = "SELECT kind, id, data, private FROM record WHERE order_id = ? ORDER BY place"
    yield from (row for row in file.execute(query, [order_id]).fetchall() if row[0] in COPIED)


def copies(models_: Sequence[Model], movements: int) -> list[list[Move]]:
    """The movements of so many further lives that there are `movements` or more, life by life, a second apart."""
    made: list[list[Move]] = []
    count, n = 0, len(models_)
    while count < movements:
        model = models_[n % len(models_)]
        names = model.names(f"v-{n:06}")
        ahead = timedelta(seconds=n)
        made.append(
            [
                replace(
                    move,
                    order_id=names[move.order_id],
                    ref=names[move.ref],
                    source=names[move.source],
                    at=move.at + ahead,
                )
                for move in model.moves
            ]
        )
        count, n = count + len(model.moves), n + 1
    return made


def lay_down(state: Path, models_: Sequence[Model], movements: int) -> None:
    """Copy the records of the models into the file, for the same lives as `copies` tells of."""
    with closing(sqlite3.connect(state)) as file:
        count, n = 0, len(models_)
        while count < movements:
            model = models_[n % len(models_)]
            order_id = f"v-{n:06}"
            file.executemany(
                "INSERT INTO record (kind, id, order_id, data, private) VALUES (?, ?, ?, ?, ?)",
                _copied(model, order_id, n),
            )
            count, n = count + len(model.moves), n + 1
        file.commit()


def _copied(model: Model, order_id: str, ahead: int) -> Iterator[tuple[str, str, str, str, str]]:
    names = model.names(order_id)
    known = re.compile("|".join(sorted(map(re.escape, names), key=len, reverse=True)))

    def renamed(text: str) -> str:
        text = known.sub(lambda found: names[found[0]], text)
        return re.sub(r'("created": )(\d+)', lambda found: f"{found[1]}{int(found[2]) + ahead}", text)

    for kind, id_, data, private in model.records:
        yield kind, names[id_], order_id, renamed(data), renamed(private)


def spoil(state: Path, changes: Sequence[tuple[Move, Sequence[Move]]]) -> None:
    """Change the provider's book: what it has in the place of each move is none, another, or two."""
    with closing(sqlite3.connect(state)) as file:
        for move, instead in changes:
            _replace(file, move, instead)
        file.commit()


def _replace(file: sqlite3.Connection, move: Move, instead: Sequence[Move]) -> None:
    place, line = _line(file, move)
    thing = file.execute("SELECT kind, data, private FROM record WHERE id = ?", [move.ref]).fetchone()
    kind, data, private = thing[0], json.loads(thing[1]), thing[2]
    file.execute("DELETE FROM record WHERE place = ?", [place])
    for number, other in enumerate(instead):
        told = data | {"id": other.ref, "amount": other.minor, "currency": other.currency.lower()}
        told["metadata"] = {**data["metadata"], "order_id": other.order_id} if data["metadata"] or other != move else {}
        file.execute("DELETE FROM record WHERE id = ?", [other.ref])
        _put(file, kind, other.ref, move.order_id, told, private)
        id_ = f"{line['id']}{number}"
        signed = other.minor if other.cleared > 0 else -other.minor
        created = int(other.at.timestamp())
        moved = {"amount": signed, "net": signed - line["fee"], "currency": other.currency.lower(), "created": created}
        _put(file, "balance_transaction", id_, move.order_id, line | moved | {"id": id_, "source": other.ref}, "{}")


def _line(file: sqlite3.Connection, move: Move) -> tuple[int, dict[str, Any]]:
    """The line of the balance that a move is; what came and what went under one name is told by its sign."""
    query = "SELECT place, data FROM record WHERE kind = 'balance_transaction' AND order_id = ?"
    for place, data in file.execute(query, [move.order_id]).fetchall():
        line = json.loads(data)
        if line["source"] == move.ref and (line["amount"] > 0) is (move.cleared > 0):
            return place, line
    raise LookupError(move)


def _put(file: sqlite3.Connection, kind: str, id_: str, order_id: str, data: Mapping[str, Any], private: str) -> None:
    row = (kind, id_, order_id, json.dumps(data), private)
    file.execute("INSERT INTO record (kind, id, order_id, data, private) VALUES (?, ?, ?, ?, ?)", row)
