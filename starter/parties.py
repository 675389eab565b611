"""One method per command of buyers, sellers and those who act for them.

All take the order's id and who sends it, answer with the order's progress, and raise as `Commands.send` does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Unpack

from activities.tracking_advice import advice
from domain.cancel import AskTime, Cancel, GrantCancel, RequestCancel
from domain.checkout import MoreTimeToPay, Pay, PayoutAccount
from domain.confirm import Confirm, Decline, Reason
from domain.errors import Invalid
from domain.money import Money
from domain.parcels.parcel import Milestone, Proof
from domain.parcels.ship import ChangeAddress, ParcelScan, Ship, shipment_payment
from domain.receive import Receive, WaitLonger
from domain.state import Actor
from domain.step import Nothing
from starter.answers import Progress, progress_of
from starter.documents import delivery
from starter.messages.client import MessageCommands
from starter.sending import How, check_number, check_photo, id_from, named
from starter.waiting import until


class PartyCommands(MessageCommands):
    """What the parties of an order do."""

    async def pay(
        self,
        order_id: str,
        by: Actor,
        *,
        payment_intent: str = "",
        payment_method: str = "",
        customer: str = "",
        **how: Unpack[How],
    ) -> Progress:
        """Pay by a pre-authorisation (payment_intent), or by a stored payment_method of a customer."""
        return await self.send(order_id, "pay", by, Pay(payment_intent, payment_method, customer), **how)

    async def more_time_to_pay(self, order_id: str, by: Actor, *, days: int, **how: Unpack[How]) -> Progress:
        """Ask for more calendar days to pay."""
        return await self.send(order_id, "more_time_to_pay", by, MoreTimeToPay(days), **how)

    async def payout_account(self, order_id: str, by: Actor, *, account: str, **how: Unpack[How]) -> Progress:
        """Name the seller's payout account at the provider."""
        return await self.send(order_id, "payout_account", by, PayoutAccount(account), **how)

    async def confirm(self, order_id: str, by: Actor, *, lines: Sequence[str] = (), **how: Unpack[How]) -> Progress:
        """Confirm these lines, or all; pending lines that are not named are cancelled at once."""
        return await self.send(order_id, "confirm", by, Confirm(tuple(lines)), **how)

    async def decline(self, order_id: str, by: Actor, *, reason: Reason, **how: Unpack[How]) -> Progress:
        """Decline every pending line."""
        return await self.send(order_id, "decline", by, Decline(reason), **how)

    async def ship(
        self,
        order_id: str,
        by: Actor,
        *,
        carrier: str,
        tracking_number: str,
        lines: Sequence[str] = (),
        service: str = "",
        insured: Money | None = None,
        photo: bytes = b"",
        parcel_id: str = "",
        wait: float = 0.0,
        **how: Unpack[How],
    ) -> Progress:
        """Send a parcel with these lines, or with every confirmed one. The number and the photo are stored, not sent.

        With `wait` the record is followed for up to so many seconds until the capture is settled. The answer's payment
        is then ``secured``, ``pending``, or ``failed``: do not hand the parcel over. Its advice says whether the number
        looks right; a number that does not is taken all the same. Raises Invalid for a photo that is no picture.
        """
        check_number(tracking_number)
        check_photo(photo)
        parcel = parcel_id or f"p-{id_from(order_id, named(how))[:16]}"
        body = Ship(parcel, carrier, tuple(lines), service, insured)
        await asyncio.to_thread(self._records.keep_parcel, order_id, by, parcel, carrier, tracking_number, photo)
        progress = replace(
            await self.send(order_id, "ship", by, body, **how), advice=advice(carrier, tracking_number).sentence
        )
        return await self._followed(progress, by, parcel, wait) if wait > 0 else progress

    async def _followed(self, progress: Progress, by: Actor, parcel_id: str, wait: float) -> Progress:
        """The shipment's progress with its payment settled, or still pending after `wait` seconds."""

        async def settled() -> Progress | None:
            order = await asyncio.to_thread(self._records.order, progress.order_id)
            standing = shipment_payment(order, parcel_id) if order.seq >= progress.seq else "pending"
            if standing == "pending":
                return None
            now = progress_of(order, by, self._records.now_of(order), command_id=progress.command_id)
            return replace(now, payment=standing, advice=progress.advice)

        return await until(settled, wait) or replace(progress, payment="pending")

    async def change_address(
        self,
        order_id: str,
        by: Actor,
        *,
        address_lines: Sequence[str] = (),
        address_id: str = "",
        **how: Unpack[How],
    ) -> Progress:
        """Send to another address: its lines, which are stored and not sent, or the id of one that is stored."""
        if bool(address_lines) == bool(address_id):
            raise Invalid("address_lines", "give either the lines of the new address or the address_id of a stored one")
        if address_lines:
            address_id = f"a-{id_from(order_id, named(how))[:16]}"
            given = {"lines": list(address_lines)}
            await asyncio.to_thread(
                self._records.keep_address, order_id, by, lambda person_id: delivery(given, address_id, person_id)
            )
        return await self.send(order_id, "change_address", by, ChangeAddress(address_id), **how)

    async def ask_time(self, order_id: str, by: Actor, *, days: int, **how: Unpack[How]) -> Progress:
        """Ask for more business days to ship."""
        return await self.send(order_id, "ask_time", by, AskTime(days), **how)

    async def grant_time(self, order_id: str, by: Actor, **how: Unpack[How]) -> Progress:
        """Grant the seller the time asked for."""
        return await self.send(order_id, "grant_time", by, Nothing(), **how)

    async def refuse_time(self, order_id: str, by: Actor, **how: Unpack[How]) -> Progress:
        """Refuse the seller the time asked for."""
        return await self.send(order_id, "refuse_time", by, Nothing(), **how)

    async def parcel_scan(
        self,
        order_id: str,
        by: Actor,
        *,
        parcel_id: str,
        milestone: Milestone,
        at: datetime,
        proof: Proof = Proof.WEAK,
        **how: Unpack[How],
    ) -> Progress:
        """Tell what the carrier says of a parcel, at the carrier's time."""
        return await self.send(order_id, "parcel_scan", by, ParcelScan(parcel_id, milestone, at, proof), **how)

    async def wait_longer(self, order_id: str, by: Actor, *, days: int, **how: Unpack[How]) -> Progress:
        """Give the parcels on their way more calendar days."""
        return await self.send(order_id, "wait_longer", by, WaitLonger(days), **how)

    async def receive(self, order_id: str, by: Actor, *, lines: Sequence[str] = (), **how: Unpack[How]) -> Progress:
        """Mark these lines, or all that were sent, as properly fulfilled."""
        return await self.send(order_id, "receive", by, Receive(tuple(lines)), **how)

    async def cancel(
        self, order_id: str, by: Actor, *, reason: Reason, lines: Sequence[str] = (), **how: Unpack[How]
    ) -> Progress:
        """Cancel these lines, or all that can be."""
        return await self.send(order_id, "cancel", by, Cancel(reason, tuple(lines)), **how)

    async def request_cancel(
        self, order_id: str, by: Actor, *, reason: Reason, lines: Sequence[str] = (), **how: Unpack[How]
    ) -> Progress:
        """Ask the seller to cancel confirmed lines, or all of them."""
        return await self.send(order_id, "request_cancel", by, RequestCancel(reason, tuple(lines)), **how)

    async def grant_cancel(self, order_id: str, by: Actor, **how: Unpack[How]) -> Progress:
        """Cancel what the buyer asked for."""
        return await self.send(order_id, "grant_cancel", by, GrantCancel(), **how)

    async def refuse_cancel(self, order_id: str, by: Actor, **how: Unpack[How]) -> Progress:
        """Ship after all."""
        return await self.send(order_id, "refuse_cancel", by, Nothing(), **how)
