"""Stripe behind our port: manual-capture payment intents, separate charges and transfers.

Every object bears ``order_id``, ``operation`` and ``key`` in its metadata, so that `StripePayments.lookup` can find out
what an earlier call did. A capture, which makes no object of its own, leaves ``capture_key`` on its intent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

import stripe

from activities.providers.port import Effect, Hold, HoldState, NoSuchObject
from activities.providers.stripe_errors import found, shown, translated, word
from activities.providers.stripe_money import from_wire, to_wire
from activities.providers.stripe_reading import PAGE, StripeReader, every
from activities.providers.stripe_reports import WHOLE, WHOLE_IN_A_LIST, noted, own_id, read_hold, ref
from domain.errors import (
    AlreadyDone,
    AmountInvalid,
    AuthenticationRequired,
    AuthorisationExpired,
    Declined,
    ProviderError,
)
from domain.money import Money, Verb

if TYPE_CHECKING:
    from stripe.params import PaymentIntentCreateParams

    Move: TypeAlias = stripe.Transfer | stripe.TransferReversal | stripe.Refund


class StripePayments(StripeReader):
    """The `PaymentProvider` over Stripe's HTTP API, as the official SDK speaks it.

    Made like a `StripeReader`. Safe for use in many threads.
    """

    def authorise(self, *, order_id: str, method: str, customer: str, amount: Money, key: str) -> Hold:
        """Place a hold; the payment method is stored for use in the buyer's absence.

        Raises AuthenticationRequired when the bank wants the buyer: `lookup` then answers with the unpaid hold that the
        buyer can complete.
        """
        form = _new_hold(order_id, Verb.AUTHORISE, method, amount, key)
        if customer:
            form |= {"customer": customer, "setup_future_usage": "off_session"}
        return self._place(form, key)

    def reauthorise(self, *, order_id: str, old: str, amount: Money, key: str) -> Hold:
        """Place a new hold without the buyer; raises AuthenticationRequired when hold `old` left no consent to that."""
        with translated():
            intent = self._api.payment_intents.retrieve(old, {"expand": [*WHOLE]})
            renewable, method, customer = read_hold(intent).renewable, ref(intent.payment_method), ref(intent.customer)
        if not renewable:
            raise AuthenticationRequired("the buyer gave no consent to payments in their absence", code="no_mandate")
        form = _new_hold(order_id, Verb.REAUTHORISE, method, amount, key)
        return self._place(form | {"customer": customer, "off_session": True}, key)

    def capture(self, *, hold: str, amount: Money, key: str) -> Effect:
        """Take `amount` of the hold; the effect's ref is the charge."""
        with shown():
            intent = self._api.payment_intents.capture(
                hold,
                {"amount_to_capture": to_wire(amount), "metadata": {"capture_key": key}},
                {"idempotency_key": key},
            )
            return _capture(intent)

    def void(self, *, hold: str, key: str) -> Effect:
        """Cancel the intent. One that is cancelled already is the same effect; a captured one raises AlreadyDone."""
        try:
            with translated():
                intent = self._api.payment_intents.cancel(hold, options={"idempotency_key": key})
                return _void(intent)
        except AuthorisationExpired:
            with translated():
                effect = self._voided(hold)
            if effect is None:
                raise
            return effect

    def release(self, *, order_id: str, charge: str, account: str, amount: Money, key: str) -> Effect:
        """Transfer `amount` out of the charge to the connected account."""
        with shown():
            transfer = self._api.transfers.create(
                {
                    "amount": to_wire(amount),
                    "currency": amount.currency.lower(),
                    "destination": account,
                    "source_transaction": charge,
                    "transfer_group": order_id,
                    "metadata": _metadata(order_id, Verb.RELEASE, key),
                },
                {"idempotency_key": key},
            )
            return _effect(transfer)

    def reverse_release(self, *, release: str, amount: Money, key: str) -> Effect:
        """Reverse `amount` of the transfer.

        Raises AlreadyDone when nothing of it is left, InsufficientFunds when the seller's account does not cover it.
        """
        with shown():
            order_id = noted(self._api.transfers.retrieve(release), "order_id")
        try:
            with shown():
                reversal = self._api.transfers.reversals.create(
                    release,
                    {"amount": to_wire(amount), "metadata": _metadata(order_id, Verb.REVERSE_RELEASE, key)},
                    {"idempotency_key": key},
                )
                return _effect(reversal)
        except ProviderError as error:
            # The provider has no code for a transfer that is reversed already: only the transfer tells.
            if type(error) in (ProviderError, AmountInvalid) and self._is_reversed(release):
                raise AlreadyDone("the release has been taken back already", code=error.code) from error
            raise

    def refund(self, *, charge: str, amount: Money, key: str) -> Effect:
        """Refund `amount` of the charge; raises Declined when the refund failed at once."""
        with shown():
            order_id = noted(self._api.charges.retrieve(charge), "order_id")
            refund = self._api.refunds.create(
                {"charge": charge, "amount": to_wire(amount), "metadata": _metadata(order_id, Verb.REFUND, key)},
                {"idempotency_key": key},
            )
            return _refund(refund)

    def lookup(self, verb: Verb, *, order_id: str, subject: str, key: str) -> Hold | Effect | None:
        """What an earlier call with `key` did, read from the provider.

        For authorise `subject` is the customer: the list by customer is up to date, while the search over all intents,
        used for "", can lag behind by a minute. Raises Declined for a refund that has failed since.
        """
        if verb in (Verb.AUTHORISE, Verb.VOID):
            # The customer or the hold was named to us and may never have been there; all else was seen before.
            with suppress(NoSuchObject), found():
                return (
                    _held(self._intents(subject, order_id, key), key)
                    if verb is Verb.AUTHORISE
                    else self._voided(subject)
                )
            return None
        with shown():
            match verb:
                case Verb.REAUTHORISE:
                    customer = ref(self._api.payment_intents.retrieve(subject).customer)
                    return _held(self._intents(customer, order_id, key), key)
                case Verb.CAPTURE:
                    intent = self._api.payment_intents.retrieve(subject)
                    ours = intent.status == "succeeded" and noted(intent, "capture_key") == key
                    return _capture(intent) if ours else None
                case _:
                    return _moved(self._moves(verb, order_id, subject), key)

    def _is_reversed(self, release: str) -> bool:
        with translated():
            return self._api.transfers.retrieve(release).reversed

    def _place(self, form: PaymentIntentCreateParams, key: str) -> Hold:
        with translated():
            hold = read_hold(self._api.payment_intents.create(form, {"idempotency_key": key}))
        if hold.state is HoldState.UNPAID:
            raise AuthenticationRequired("the bank wants the buyer to take part", code="requires_action")
        return hold

    def _moves(self, verb: Verb, order_id: str, subject: str) -> Iterator[Move]:
        """The transfers, reversals or refunds among which one of `verb` would be."""
        if verb is not Verb.REVERSE_RELEASE:
            self._api.charges.retrieve(subject)  # To another account's key the list would just be empty.
        match verb:
            case Verb.RELEASE:
                yield from every(self._api.transfers.list({"transfer_group": order_id, "limit": PAGE}))
            case Verb.REVERSE_RELEASE:
                yield from every(self._api.transfers.reversals.list(subject, {"limit": PAGE}))
            case Verb.REFUND:
                yield from every(self._api.refunds.list({"charge": subject, "limit": PAGE}))

    def _intents(self, customer: str, order_id: str, key: str) -> Iterator[stripe.PaymentIntent]:
        if customer:
            return every(
                self._api.payment_intents.list({"customer": customer, "limit": PAGE, "expand": [*WHOLE_IN_A_LIST]})
            )
        query = f"metadata['order_id']:'{order_id}' AND metadata['key']:'{key}'"
        return every(self._api.payment_intents.search({"query": query, "limit": PAGE, "expand": [*WHOLE_IN_A_LIST]}))

    def _voided(self, hold: str) -> Effect | None:
        intent = self._api.payment_intents.retrieve(hold)
        return _void(intent) if intent.status == "canceled" else None


def _new_hold(order_id: str, verb: Verb, method: str, amount: Money, key: str) -> PaymentIntentCreateParams:
    return {
        "amount": to_wire(amount),
        "currency": amount.currency.lower(),
        "capture_method": "manual",
        "confirm": True,
        "payment_method": method,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "transfer_group": order_id,
        "metadata": _metadata(order_id, verb, key),
        "expand": [*WHOLE],
    }


def _metadata(order_id: str, verb: Verb, key: str) -> dict[str, str]:
    return {"order_id": order_id, "operation": verb.value, "key": key}


def _capture(intent: stripe.PaymentIntent) -> Effect:
    return Effect(own_id(intent.latest_charge), from_wire(intent.amount_received, intent.currency))


def _void(intent: stripe.PaymentIntent) -> Effect:
    return Effect(own_id(intent), from_wire(intent.amount, intent.currency))


def _effect(moved: stripe.Transfer | stripe.TransferReversal) -> Effect:
    return Effect(own_id(moved), from_wire(moved.amount, moved.currency))


NOT_REFUNDED = ("failed", "canceled")


def _refund(refund: stripe.Refund) -> Effect:
    if refund.status in NOT_REFUNDED:
        raise Declined("the refund failed", code=word(getattr(refund, "failure_reason", None)) or refund.status)
    return Effect(own_id(refund), from_wire(refund.amount, refund.currency), settled=refund.status == "succeeded")


def _held(intents: Iterable[stripe.PaymentIntent], key: str) -> Hold | None:
    """The hold made with `key`; an intent that the bank declined is none."""
    for intent in intents:
        if noted(intent, "key") == key and intent.status != "requires_payment_method":
            return read_hold(intent)
    return None


def _moved(moves: Iterable[Move], key: str) -> Effect | None:
    for move in moves:
        if noted(move, "key") == key:
            return _refund(move) if isinstance(move, stripe.Refund) else _effect(move)
    return None
