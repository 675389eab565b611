"""What anybody may try next with claims: what fits their status, and what does not."""

from __future__ import annotations

from typing import Any

from tests.model.cases import at_stake
from tests.model.flow import MAY, PLATFORM, RETURNED, Claim
from tests.model.sale import SENT, Sale

Try = tuple[str, str, dict[str, Any], str, str]
"""A command's name, the role that sends it, its body, the ticket that it acts on, and the person ("" for the usual)."""

NOTE = {"note_id": "n-1"}
REASONS = ("damaged", "not_as_described", "changed_mind", "not_received", "incomplete", "wrong_item")
FINDINGS = ("as_sent", "used", "missing")
VERDICTS = ("refund", "release", "return_first", "part_refund")
LONG_WAY = ("grant_claim", "instruct_return", "send_return", "receive_return", "inspect_return")
"""What stands at the end of a long way, and would else be seldom met."""

WHO = {"buyer": ("buyer",), "seller": ("seller",), "desk": ("specialist", "operator")}


def euros(cents: int) -> str:
    """The amount as it is written on the wire."""
    sign, cents = "-" * (cents < 0), abs(cents)
    return f"{sign}{cents // 100}.{cents % 100:02} EUR"


def likely(sale: Sale) -> list[Try]:
    """A claim about each line that was sent, and every step that fits the status of a claim."""
    found: list[Try] = [step for claim in sale.open_claims for step in _steps(sale, claim)]
    for line in sale.live:
        if line.state in SENT and not line.held and len(sale.claims) < 4:
            said = ("not_received",) if line.state == "shipped" else REASONS[len(sale.claims) % 4 :][:2]
            found += [("open_claim", "buyer", {"reason": reason, "lines": [line.name]}, "", "") for reason in said]
    if sale.captured and not sale.open_claims:
        found += [
            ("open_claim", "buyer", {"reason": "not_as_described"}, "", ""),
            ("open_claim", "specialist", {"reason": "not_received"}, "", ""),
        ]
    return found


def _steps(sale: Sale, claim: Claim) -> list[Try]:
    found: list[Try] = []
    for name, sides in MAY.items():
        for side, statuses in sides.items():
            if claim.status in statuses and not (name in ("add_evidence", "assign_claim") and side != "desk"):
                role = WHO[side][len(claim.judges) % len(WHO[side])]
                fitting = bodies(sale, claim, name)
                if name == "decide_claim" and claim.status not in (PLATFORM, RETURNED):
                    fitting = fitting[1:4:2]
                answers = name in ("accept_offer", "decline_offer") and claim.offer is not None
                tried = [(name, role, {"claim_id": claim.name, **body}, "", _person(name, role)) for body in fitting]
                found = [*tried * 3, *found] if name in LONG_WAY or answers else [*found, *tried]
    if ("claim", claim.name) in sale.tickets:
        found.append(
            (
                "decide_claim",
                "operator",
                {"claim_id": claim.name, "verdict": "refund", **NOTE},
                f"claim:{claim.name}",
                "",
            )
        )
    return found


def _person(name: str, role: str) -> str:
    return "specialist-2" if name == "decide_claim" and role == "specialist" else ""


def bodies(sale: Sale, claim: Claim, name: str) -> list[dict[str, Any]]:
    """Messages that fit."""
    stake = at_stake(sale, claim)
    parts = [euros(cents) for cents in ((stake + 1) // 2, stake - 1, 1)]
    fitting: dict[str, list[dict[str, Any]]] = {
        "answer_claim": [NOTE],
        "appeal_claim": [{"evidence": ["e-1"]}],
        "add_evidence": [{"evidence": ["e-1"]}],
        "assign_claim": [{"owner": "ann"}],
        "wait_on_claim": [{"days": 3}],
        "offer_refund": [{"amount": part} for part in parts[:2]],
        "instruct_return": [{"address_id": "home"}, {"label": "f-1"}],
        "send_return": [{"parcel_id": f"r{sale.heard}-{claim.name}-{len(claim.parcels)}", "carrier": "dhl"}],
        "inspect_return": [{"finding": finding} for finding in FINDINGS],
        "ask_party": [{"of": side, **NOTE} for side in ("buyer", "seller")],
        "decide_claim": [
            {"verdict": "refund", **NOTE},
            {"verdict": "part_refund", "amount": parts[0], **NOTE},
            {"verdict": "release", **NOTE},
            {"verdict": "return_first", **NOTE},
            {"verdict": "part_refund", "amount": parts[1], **NOTE},
            {"verdict": "part_refund", "amount": parts[2], **NOTE},
        ],
    }
    return fitting.get(name, [{}])


def nonsense(sale: Sale, numbers: tuple[int, int, int], lines: dict[str, Any], days: int) -> dict[str, dict[str, Any]]:
    """Messages that mostly do not fit: about no claim in particular, a foreign one, or too much or too little."""
    first, second, third = numbers
    claim = ["", "c9", *sale.claims][first % (2 + len(sale.claims))]
    named: dict[str, Any] = {"claim_id": claim} if claim else {}
    amount = euros((sale.sums.C, 1, 0, -1, sale.sums.C // 2)[second % 5])
    verdict = VERDICTS[third % 4]
    with_amount = {"amount": amount} if second % 3 else {}
    fitting = {
        "open_claim": {"reason": REASONS[third % 6], **lines},
        "add_evidence": {"evidence": ["e-1"] * (1, 20, 21)[second % 3], **named},
        "assign_claim": {"owner": "", **named},
        "wait_on_claim": {"days": days, **named},
        "offer_refund": {"amount": amount, **named},
        "instruct_return": {"address_id": ("", "home")[second % 2], **named},
        "send_return": {"parcel_id": ("p1", "r1")[second % 2], "carrier": "dhl", **named},
        "inspect_return": {"finding": FINDINGS[third % 3], **named},
        "ask_party": {"of": ("buyer", "seller")[second % 2], **NOTE, **named},
        "decide_claim": {"verdict": verdict, **with_amount, **NOTE, **named},
    }
    said = {name: {**named, **(NOTE if second % 2 else {})} for name in ("answer_claim", "appeal_claim")}
    return {**dict.fromkeys(MAY, named), **said, **fitting}
