"""One method per command of claims: of the buyer, the seller and the desk.

All take the order's id and who sends it, answer with the order's progress, and raise as `Commands.send` does. `claim`
names the claim (``c1``) and may be left out where the order has one open claim; `evidence` are ids of stored files;
`text` is stored for both sides and the desk to read, and never sent to Temporal. `terms` alone is no command: it reads
what holds before anybody buys.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Unpack

from domain.claims.case import ClaimReason, Finding, Side, Verdict, Wish
from domain.claims.messages import (
    AddEvidence,
    AnswerClaim,
    AskParty,
    AssignClaim,
    DecideClaim,
    InspectReturn,
    InstructReturn,
    OfferRefund,
    OnClaim,
    OpenClaim,
    SendReturn,
    WaitOnClaim,
)
from domain.errors import Invalid
from domain.money import Money
from domain.state import Actor
from domain.words.written import says_something
from starter.answers import Progress
from starter.cases.desk import Cases
from starter.cases.returns import WayBack, keep
from starter.cases.terms import GoodsTerms
from starter.reader import Reader
from starter.records import check_text
from starter.sending import Commands, How, check_number, id_from, named


class ClaimCommands(Commands):
    """What the parties and the desk do about a claim."""

    async def terms(
        self, marketplace: str, *, seller: str = "", category: str = "", price: Money | None = None
    ) -> GoodsTerms:
        """What a buyer may count on when something is wrong with goods: to show before, and at checkout.

        For each reason of a claim until when, whether the goods come back first, and who bears what; as data and in
        sentences. Raises Invalid for a marketplace that is not known, or not yet, and for what is no price.
        """
        reader = Reader(self._records)
        return await asyncio.to_thread(reader.terms, marketplace, seller=seller, category=category, price=price)

    async def _words(self, order_id: str, name: str, by: Actor, text: str, how: How) -> str | None:
        """Store what was written, if anything; its id repeats with the command's."""
        if not text:
            return None
        check_text("text", text)
        note_id = id_from(order_id, name, named(how))
        await asyncio.to_thread(self._records.keep_note, order_id, note_id, by, text)
        return note_id

    async def _reasons(self, order_id: str, name: str, by: Actor, text: str, how: How) -> str:
        """Store what must be said. Raises Invalid when nothing is."""
        if not says_something(text):
            raise Invalid("text", f"is missing; both sides read why: {name.replace('_', ' ')} needs it")
        return await self._words(order_id, name, by, text, how) or ""

    async def open_claim(
        self,
        order_id: str,
        by: Actor,
        *,
        reason: ClaimReason,
        wish: Wish = Wish.REFUND,
        lines: Sequence[str] = (),
        evidence: Sequence[str] = (),
        text: str = "",
        **how: Unpack[How],
    ) -> Progress:
        """Say what is wrong with these lines, or with all that fit the reason, and what should come of it.

        An order that has closed goes on for it.
        """
        note = await self._words(order_id, "open_claim", by, text, how)
        body = OpenClaim(reason, wish, tuple(lines), tuple(evidence), note)
        return await self.send(order_id, "open_claim", by, body, **how)

    async def answer_claim(
        self,
        order_id: str,
        by: Actor,
        *,
        claim: str = "",
        evidence: Sequence[str] = (),
        text: str = "",
        **how: Unpack[How],
    ) -> Progress:
        """Say or show something; then it is the other side's turn, or the platform's that had asked."""
        return await self._said(order_id, "answer_claim", by, (claim, evidence, text), how)

    async def escalate_claim(
        self,
        order_id: str,
        by: Actor,
        *,
        claim: str = "",
        evidence: Sequence[str] = (),
        text: str = "",
        **how: Unpack[How],
    ) -> Progress:
        """Pass the claim to the platform, whose specialists decide."""
        return await self._said(order_id, "escalate_claim", by, (claim, evidence, text), how)

    async def escalate_upstream(
        self,
        order_id: str,
        by: Actor,
        *,
        claim: str = "",
        evidence: Sequence[str] = (),
        text: str = "",
        **how: Unpack[How],
    ) -> Progress:
        """Pass the claim to the shop that an agent bought from; the seller's clock waits for that answer."""
        return await self._said(order_id, "escalate_upstream", by, (claim, evidence, text), how)

    async def answer_upstream(
        self,
        order_id: str,
        by: Actor,
        *,
        claim: str = "",
        evidence: Sequence[str] = (),
        text: str = "",
        **how: Unpack[How],
    ) -> Progress:
        """Bring the answer of the shop that an agent bought from; then it is the seller's turn."""
        return await self._said(order_id, "answer_upstream", by, (claim, evidence, text), how)

    async def appeal_claim(
        self,
        order_id: str,
        by: Actor,
        *,
        claim: str = "",
        evidence: Sequence[str] = (),
        text: str = "",
        **how: Unpack[How],
    ) -> Progress:
        """Say or show why a decision against one is wrong, in its window; somebody else decides anew, and for good."""
        return await self._said(order_id, "appeal_claim", by, (claim, evidence, text), how)

    async def _said(
        self, order_id: str, name: str, by: Actor, said: tuple[str, Sequence[str], str], how: How
    ) -> Progress:
        claim, evidence, text = said
        note = await self._words(order_id, name, by, text, how)
        return await self.send(order_id, name, by, AnswerClaim(claim, tuple(evidence), note), **how)

    async def add_evidence(
        self,
        order_id: str,
        by: Actor,
        *,
        evidence: Sequence[str],
        claim: str = "",
        text: str = "",
        **how: Unpack[How],
    ) -> Progress:
        """Add stored files to a claim; it stays where it is."""
        note = await self._words(order_id, "add_evidence", by, text, how)
        return await self.send(order_id, "add_evidence", by, AddEvidence(tuple(evidence), claim, note), **how)

    async def withdraw_claim(
        self, order_id: str, by: Actor, *, claim: str = "", text: str = "", **how: Unpack[How]
    ) -> Progress:
        """Withdraw the claim: the goods have come, or the matter is settled."""
        return await self._on(order_id, "withdraw_claim", by, (claim, text), how)

    async def grant_claim(
        self, order_id: str, by: Actor, *, claim: str = "", text: str = "", **how: Unpack[How]
    ) -> Progress:
        """Agree: the money goes back at once, or after the goods where policy wants them back."""
        return await self._on(order_id, "grant_claim", by, (claim, text), how)

    async def accept_offer(
        self, order_id: str, by: Actor, *, claim: str = "", text: str = "", **how: Unpack[How]
    ) -> Progress:
        """Accept the refund that the other side offers; it settles the claim."""
        return await self._on(order_id, "accept_offer", by, (claim, text), how)

    async def decline_offer(
        self, order_id: str, by: Actor, *, claim: str = "", text: str = "", **how: Unpack[How]
    ) -> Progress:
        """Decline the refund that the other side offers; it is their turn again."""
        return await self._on(order_id, "decline_offer", by, (claim, text), how)

    async def receive_return(
        self, order_id: str, by: Actor, *, claim: str = "", text: str = "", **how: Unpack[How]
    ) -> Progress:
        """Say that the goods have come back."""
        return await self._on(order_id, "receive_return", by, (claim, text), how)

    async def _on(self, order_id: str, name: str, by: Actor, said: tuple[str, str], how: How) -> Progress:
        claim, text = said
        note = await self._words(order_id, name, by, text, how)
        return await self.send(order_id, name, by, OnClaim(claim, note), **how)

    async def offer_refund(
        self, order_id: str, by: Actor, *, amount: Money, claim: str = "", text: str = "", **how: Unpack[How]
    ) -> Progress:
        """Offer, or ask for, a refund in part, all lines of the claim together; it takes the last offer's place."""
        note = await self._words(order_id, "offer_refund", by, text, how)
        return await self.send(order_id, "offer_refund", by, OfferRefund(amount, claim, note), **how)

    async def wait_on_claim(
        self, order_id: str, by: Actor, *, days: int, claim: str = "", text: str = "", **how: Unpack[How]
    ) -> Progress:
        """Give the missing parcel more calendar days; the claim sleeps until then."""
        note = await self._words(order_id, "wait_on_claim", by, text, how)
        return await self.send(order_id, "wait_on_claim", by, WaitOnClaim(days, claim, note), **how)

    async def instruct_return(
        self,
        order_id: str,
        by: Actor,
        *,
        address_lines: Sequence[str] = (),
        address_id: str = "",
        label: bytes = b"",
        label_id: str = "",
        claim: str = "",
        text: str = "",
        **how: Unpack[How],
    ) -> Progress:
        """Say how the goods go back: to an address, with a label (PDF or picture), or both, stored and not sent.

        It takes the place of what was said before, and the buyer has the whole time to send them again.
        """
        given = WayBack(address_lines, address_id, label, label_id)
        new_id = f"a-{id_from(order_id, 'instruct_return', named(how))[:16]}"
        address, file = await asyncio.to_thread(keep, self._records, order_id, by, given, new_id)
        note = await self._words(order_id, "instruct_return", by, text, how)
        return await self.send(order_id, "instruct_return", by, InstructReturn(address, file, claim, note), **how)

    async def return_address(self, order_id: str, by: Actor, *, claim: str = "") -> tuple[str, ...]:
        """Where the goods of a claim go back to, line by line, none until it was said; a look of the desk is recorded.

        Raises NotFound for anybody but the claim's parties and the desk, Refused where the order has several claims.
        """
        shown = await asyncio.to_thread(Cases(self._records).show, order_id, by, claim=claim)
        return shown.return_to

    async def send_return(
        self,
        order_id: str,
        by: Actor,
        *,
        carrier: str,
        tracking_number: str,
        claim: str = "",
        parcel_id: str = "",
        **how: Unpack[How],
    ) -> Progress:
        """Send the goods back. The tracking number is stored, not sent."""
        check_number(tracking_number)
        parcel = parcel_id or f"r-{id_from(order_id, named(how))[:16]}"
        await asyncio.to_thread(self._records.keep_parcel, order_id, by, parcel, carrier, tracking_number)
        return await self.send(order_id, "send_return", by, SendReturn(parcel, carrier, claim), **how)

    async def inspect_return(
        self,
        order_id: str,
        by: Actor,
        *,
        finding: Finding,
        claim: str = "",
        text: str = "",
        **how: Unpack[How],
    ) -> Progress:
        """Say in what state the goods came back; add proof before. A deduction can be appealed against."""
        note = await self._words(order_id, "inspect_return", by, text, how)
        return await self.send(order_id, "inspect_return", by, InspectReturn(finding, claim, note), **how)

    async def ask_party(
        self, order_id: str, by: Actor, *, of: Side, text: str, claim: str = "", **how: Unpack[How]
    ) -> Progress:
        """Ask one side what the platform needs to know before it decides."""
        note = await self._reasons(order_id, "ask_party", by, text, how)
        return await self.send(order_id, "ask_party", by, AskParty(of, note, claim), **how)

    async def assign_claim(
        self, order_id: str, by: Actor, *, owner: str, claim: str = "", **how: Unpack[How]
    ) -> Progress:
        """Hand the claim, and its ticket when it has one, to a person of the desk."""
        return await self.send(order_id, "assign_claim", by, AssignClaim(owner, claim), **how)

    async def decide_claim(
        self,
        order_id: str,
        by: Actor,
        *,
        verdict: Verdict,
        text: str,
        claim: str = "",
        amount: Money | None = None,
        **how: Unpack[How],
    ) -> Progress:
        """Decide the claim for the platform, with the reasons that both sides read; it can be appealed against once."""
        note = await self._reasons(order_id, "decide_claim", by, text, how)
        return await self.send(order_id, "decide_claim", by, DecideClaim(verdict, note, claim, amount), **how)
