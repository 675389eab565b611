"""The process in people's words: what happened, who acts next, until when, and what happens otherwise."""

from __future__ import annotations

from collections.abc import Mapping

from domain.business_time import local_text
from domain.claims.case import STATUS_WORDS, Status, Wait
from domain.claims.clocks import CLAIM_CLOCKS, UNINSTRUCTED
from domain.state import Role, Stage
from domain.words.tongue import Duties, Words

HAPPENED: Mapping[str, str] = {
    "place": "The order was placed.",
    "pay": "The buyer offered a payment.",
    "more_time_to_pay": "The buyer got more time to pay.",
    "expire_unpaid": "Nobody paid in time; the items go back on sale.",
    "payout_account": "The seller's payout account was changed.",
    "renew_hold": "The hold on the buyer's card is being renewed.",
    "hold_lapses": "The hold on the buyer's card ended; unsent lines were cancelled.",
    "confirm": "The seller confirmed.",
    "decline": "The seller declined.",
    "confirm_overdue": "The seller has not confirmed in time; a specialist follows up.",
    "confirm_lapses": "The seller never confirmed; the order was cancelled.",
    "ship": "A parcel was sent.",
    "ship_overdue": "The seller has not shipped in time; a specialist follows up.",
    "ship_lapses": "The seller never shipped; unsent lines were cancelled.",
    "change_address": "The buyer changed the address.",
    "ask_time": "The seller asked for more time to ship.",
    "grant_time": "More time to ship was granted.",
    "refuse_time": "More time to ship was refused.",
    "time_lapses": "Nobody answered the request for more time; it lapsed.",
    "parcel_scan": "The carrier reported on a parcel.",
    "parcel_stalled": "A parcel has stopped moving; a specialist follows up.",
    "wait_longer": "The buyer agreed to wait longer.",
    "receive": "The buyer marked items as properly fulfilled.",
    "accept_on_strong_proof": "The buyer stayed silent; strong proof of delivery released the money.",
    "accept_on_weak_proof": "The buyer stayed silent for the long window; the delivery scan released the money.",
    "receipt_overdue": "The buyer stayed silent; a specialist follows up.",
    "escrow_ends": "The money had been held for as long as it may; what was left was settled by default.",
    "held_escrow_ends": "The money had been held for as long as it may; what was in dispute went back to the buyer.",
    "close": "The after-sales window ended with nothing open.",
    "cancel": "Lines were cancelled.",
    "request_cancel": "The buyer asked the seller to cancel.",
    "grant_cancel": "The request to cancel was granted.",
    "refuse_cancel": "The request to cancel was refused.",
    "cancel_by_silence": "The seller did not answer; the request to cancel was granted.",
    "open_claim": "The buyer made a claim.",
    "answer_claim": "The claim was answered.",
    "assign_claim": "The claim was handed to a person.",
    "add_evidence": "Evidence was added to the claim.",
    "claim_unanswered": "The claim was not answered in time; the platform steps in.",
    "claim_lapses": "The buyer did not go on with the claim; it was closed.",
    "withdraw_claim": "The buyer withdrew the claim.",
    "wait_on_claim": "The buyer gives the parcel more time; the claim waits.",
    "claim_wakes": "The time that the buyer gave is over; the claim goes on.",
    "grant_claim": "The seller granted the claim.",
    "offer_refund": "A refund was offered.",
    "accept_offer": "The offer was accepted.",
    "decline_offer": "The offer was declined.",
    "instruct_return": "It was said how the items go back.",
    "instruction_missing": "Nobody said in time how the items go back; the platform steps in.",
    "send_return": "The items are on their way back.",
    "receive_return": "The returned items have arrived.",
    "inspect_return": "The returned items were inspected.",
    "return_missing": "The return has not arrived in time; the platform steps in.",
    "inspection_lapses": "The seller did not inspect the return in time; the money goes back.",
    "escalate_claim": "The claim was passed to the platform.",
    "escalate_upstream": "The claim was passed to the shop that the items came from.",
    "answer_upstream": "The shop that the items came from has answered.",
    "upstream_silent": "The shop that the items came from did not answer; the platform steps in.",
    "ask_party": "The platform has a question about the claim.",
    "decide_claim": "The platform decided the claim.",
    "appeal_claim": "The decision was appealed against.",
    "decision_stands": "Nobody appealed; the decision was carried out.",
    "claim_times_out": "Nobody decided the claim in time; it was decided for the buyer.",
    "message": "A message was written.",
    "release": "A specialist released money to the seller.",
    "refund": "A specialist gave money back to the buyer.",
    "refund_shipping": "A specialist gave the shipping back to the buyer.",
    "extend": "A deadline was extended.",
    "pause": "The order was paused.",
    "resume": "The order goes on.",
    "pause_ends": "The pause ended; the order goes on.",
    "retry": "Waiting money was tried again.",
    "note": "A note was added.",
    "adopt_policy": "The order goes on under another policy.",
    "approve": "A second operator approved.",
    "approval_lapses": "No second operator approved in time.",
    "ask_second_operator": "A large sum waits for a second operator.",
    "assign_ticket": "A ticket was handed to a person.",
    "resolve_ticket": "A ticket was resolved.",
    "ticket_overdue": "A ticket was not resolved in time and was escalated.",
    "payment_found": "The provider told of a payment that came late or out of turn.",
    "hold_lost": "The bank let the hold on the buyer's card go.",
    "refund_failed": "A refund could not be delivered; the money is back with us.",
    "open_dispute": "The buyer's bank took the money back; it decides who is right.",
    "win_dispute": "The bank decided for the seller; the money is back.",
    "lose_dispute": "The bank decided for the buyer.",
    "dispute_lapses": "The bank never answered; the dispute counts as lost.",
    "account_restricted": "The provider restricted the seller's payout account.",
    "account_active": "The seller's payout account works again.",
    "settle": "Waiting money was settled or asked after.",
    "money_overdue": "Money has been in doubt for too long; a specialist follows up.",
    "extend_calendars": "The order's calendars were extended.",
    "spare_after_outage": "A deadline rang late because of an outage; it was moved.",
}
"""One sentence per step, for the story of an order."""

NOT_PAID: Mapping[str, str] = {
    "Declined": "The buyer's bank declined the payment.",
    "AuthenticationRequired": "The buyer's bank wants the buyer to confirm the payment.",
    "AmountDiffers": "The payment was for another amount than is to be paid.",
    "NoSuchAuthorisation": "The payment that was named is not there.",
    "UsedByAnotherOrder": "The payment that was named belongs to another order.",
    "NotAuthorised": "The payment that was named was not completed, or has ended.",
    "MethodUnusable": "What was named to pay with does not exist, or cannot be used.",
}
"""Why an offer to pay was not taken, by the code of its refusal."""

NOT_PAID_OTHERWISE = "The payment could not be made with what was named for it."
NOT_RENEWED = "The hold on the buyer's card could not be renewed; the buyer is asked to pay again."
NOT_CAPTURED = "The payment could not be charged; nothing is to be handed over."

OTHERWISE: Mapping[str, str] = {
    "expire_unpaid": "the order expires and the items go back on sale",
    "renew_hold": "the hold on the card is renewed",
    "hold_lapses": "the hold ends and unsent lines are cancelled",
    "confirm_overdue": "a specialist follows up",
    "confirm_lapses": "the order is cancelled and the hold let go",
    "ship_overdue": "a specialist follows up",
    "ship_lapses": "unsent lines are cancelled and their money returned",
    "time_lapses": "the request for more time lapses",
    "parcel_stalled": "a specialist looks for the parcel",
    "accept_on_strong_proof": "the money is released to the seller",
    "accept_on_weak_proof": "the money is released to the seller",
    "receipt_overdue": "a specialist follows up",
    "escrow_ends": "unsent lines are cancelled, unarrived ones refunded, delivered ones released",
    "held_escrow_ends": "lines that are held are refunded",
    "close": "the order closes",
    "claim_unanswered": "the platform steps in",
    "claim_lapses": "the claim is closed",
    "claim_wakes": "the claim goes on",
    "instruction_missing": "the platform steps in",
    "return_missing": "the platform steps in",
    "inspection_lapses": "the money goes back to the buyer",
    "upstream_silent": "the platform steps in",
    "decision_stands": "the decision is carried out",
    "claim_times_out": "the claim is decided for the buyer",
    "cancel_by_silence": "the request to cancel is granted",
    "pause_ends": "the order goes on",
    "approval_lapses": "the large command lapses",
    "ticket_overdue": "the ticket is escalated",
    "dispute_lapses": "the dispute counts as lost",
    "settle": "the payment provider is asked",
    "money_overdue": "a specialist follows up",
    "extend_calendars": "the calendars are extended",
}
"""What happens when a clock rings, to end the sentence 'otherwise ...'."""

DUTY: Duties = {
    Role.SELLER: {
        Stage.PLACED: "confirm or decline the order",
        Stage.CONFIRMED: "ship and give the tracking number",
        Stage.PART_SHIPPED: "ship the remaining lines",
        "cancel_by_silence": "grant or refuse the buyer's wish to cancel",
    },
    Role.BUYER: {
        Stage.AWAITING_PAYMENT: "pay",
        Stage.DELIVERED: "check the items and mark them as properly fulfilled",
        Stage.SHIPPED: "wait for the parcel, then mark the items as properly fulfilled",
        Stage.PART_SHIPPED: "check what has arrived",
        "hold_lapses": "pay again",
        "time_lapses": "grant or refuse the time that the seller asks for",
    },
}
"""What a party is asked to do at a stage, or before a clock's step that wants something of its own."""

CLAIM_DUTY: Mapping[str, str] = {
    Status.RECEIVED: "answer the claim",
    Status.WAITING_FOR_SELLER: "answer the claim",
    Status.WAITING_FOR_BUYER: "answer the seller, or pass the claim to the platform",
    Status.SELLER_ASKED: "answer the platform's question about the claim",
    Status.BUYER_ASKED: "answer the platform's question about the claim",
    Status.RETURN_REQUESTED: (
        "send the items back, to the address or with the label that was named, and give the tracking number"
    ),
    UNINSTRUCTED.step: "say how the items go back, by an address or a label",
    Status.RETURN_SENT: "say when the return has arrived",
    Status.RETURN_RECEIVED: "inspect the return",
    Status.ESCALATED_UPSTREAM: "bring the answer of the shop that the items came from",
    Status.WAITING_LONGER: "bring the parcel",
    Status.REFUND_APPROVED: "appeal, if the decision is wrong",
    Status.REJECTED: "appeal, if the decision is wrong",
}
"""What is asked of whoever must act at a status of a claim, or before the step of a clock that wants something else."""

CLAIM_AWAITED: Mapping[str, str] = {
    **{
        status: f"The {clock.who} has until {{until}} to {CLAIM_DUTY[status]}."
        for status, clock in CLAIM_CLOCKS.items()
    },
    UNINSTRUCTED.step: f"The {UNINSTRUCTED.who} has until {{until}} to {CLAIM_DUTY[UNINSTRUCTED.step]}.",
    Status.WAITING_LONGER: "The buyer waits for the parcel until {until}.",
}
"""What is told of a claim to whoever need not act."""

APPEAL: Mapping[str, str] = {
    "": "Either side may appeal until {until}.",
    "you": "If the decision is wrong, please appeal by {until}.",
    "buyer": "The buyer may appeal until {until}.",
    "seller": "The seller may appeal until {until}.",
}
"""Who may appeal against a decision."""

CLAIM_WAITS: Mapping[Wait, str] = {
    Wait.DESK: "The platform decides the claim.",
    Wait.PAUSE: "The order is paused until {until}; the clocks of both sides stand.",
    Wait.MONEY: "The money is on its way back to the buyer.",
    Wait.REST: "The rest of the money is on its way back to the buyer.",
    Wait.BANK: "The buyer's bank is deciding about the money of {lines}; until it has, that money does not move.",
}
"""What a claim waits for when that is no clock; what the bank decides about is told first, and may be all there is."""

ENGLISH = Words(
    happened=HAPPENED,
    asked={
        role: {about: f"Please {duty} by {{until}}." for about, duty in duties.items()} for role, duties in DUTY.items()
    },
    awaited={
        role: {about: f"The {role} has until {{until}} to {duty}." for about, duty in duties.items()}
        for role, duties in DUTY.items()
    },
    otherwise=OTHERWISE,
    claim_asked={about: f"Please {duty} by {{until}}." for about, duty in CLAIM_DUTY.items()},
    claim_awaited=CLAIM_AWAITED,
    appeal=APPEAL,
    claim_waits=CLAIM_WAITS,
    status=STATUS_WORDS,
    default="Otherwise {otherwise}.",
    unless="If nothing happens before {until}: {otherwise}.",
    shipping="shipping",
    alternative="or",
    time=local_text,
    amount=str,
    command=lambda name: name,
    reason=lambda code, text: text,
    dispute=lambda code: code.replace("_", " "),
    expectation=lambda text: text,
)
