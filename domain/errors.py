"""Every error that this product raises on purpose, as one tree.

AftersaleError
├── Invalid              a document (checkout, policy, command) breaks a rule: field, rule, what would be right
│   └── PolicyError      the document is a policy file: its name and line as well; in domain/policy/file.py
├── Refused              the process does not allow this command now: reason and what is possible instead
├── Conflict             the same id was used before with other contents
├── StaleEpoch           a run that was superseded by a restart tried to write
├── CalendarTooShort     a clock would leave the days that the pinned calendar knows; in domain/business_time.py
└── ProviderError        what the payment provider answered, in our words
    ├── Declined                 the bank says no, for good or for now
    ├── MethodUnusable           no payment method or customer of that name, or none that can be used: not the bank's no
    ├── AuthenticationRequired   the bank wants the buyer to take part
    ├── AuthorisationExpired     the hold is gone: lapsed, voided or never there
    ├── AlreadyDone              the effect stands already
    ├── AmountInvalid            more than may be moved, or not a payable amount
    ├── IdempotencyConflict      the key was used before with other parameters
    ├── InsufficientFunds        the balance, ours or for a reversal the seller's, does not cover it
    ├── AccountRestricted        the seller's payout account is missing, closed or restricted
    ├── Unauthorised             our own credentials or permissions are wrong
    └── Unknown                  timeout, cut connection, 5xx, 409, 429: the effect may or may not stand
"""

from __future__ import annotations

import re

_UNWRITABLE = re.compile("[\0\ud800-\udfff]")


def writable(text: str) -> str:
    """A text from outside as the database and the wire can take it: NUL and halves of surrogate pairs are replaced."""
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)


class AftersaleError(Exception):
    """Root of the tree; never raised itself."""


class Invalid(AftersaleError):
    """A document breaks a rule.

    `field` is a path such as ``lines[0].price``; `rule` says what is wrong and what would be right. Both may quote the
    document, and can be written down all the same.
    """

    def __init__(self, field: str, rule: str) -> None:
        self.field, self.rule = writable(field), writable(rule)
        super().__init__(f"{self.field}: {self.rule}")


class Refused(AftersaleError):
    """The process does not allow a command now.

    `code` is a stable word for programs, `reason` a sentence for people that may quote the message, `possible` the
    commands open to that actor.
    """

    def __init__(self, code: str, reason: str, possible: tuple[str, ...] = ()) -> None:
        self.reason = writable(reason)
        super().__init__(self.reason)
        self.code = code
        self.possible = possible


class Conflict(AftersaleError):
    """An id (order, command, key) was used before with other contents."""


class StaleEpoch(AftersaleError):
    """The order was restarted; this run may write nothing any more."""


class ProviderError(AftersaleError):
    """A definite or indefinite "no" from the payment provider.

    `code` is the provider's own code for the record, without personal data.
    """

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class Declined(ProviderError):
    """The bank says no."""


class MethodUnusable(ProviderError):
    """The payment method or customer that was named does not exist, or cannot be used: the bank was never asked."""


class AuthenticationRequired(ProviderError):
    """The bank wants the buyer to take part."""


class AuthorisationExpired(ProviderError):
    """The hold is gone: lapsed, voided or never there."""


class AlreadyDone(ProviderError):
    """The effect stands already; look it up instead of repeating it."""


class AmountInvalid(ProviderError):
    """More than may be moved, or not a payable amount."""


class IdempotencyConflict(ProviderError):
    """The key was used before with other parameters."""


class InsufficientFunds(ProviderError):
    """Our balance does not cover the transfer or refund, or the seller's the reversal."""


class AccountRestricted(ProviderError):
    """The seller's payout account is missing, closed or restricted."""


class Unauthorised(ProviderError):
    """Our own credentials or permissions are wrong."""


class Unknown(ProviderError):
    """The effect may or may not stand; only asking the provider can tell.

    `retry_after` is the number of seconds the provider asked us to wait, when it said so.
    """

    def __init__(self, message: str, *, code: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after
