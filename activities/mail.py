"""Mails on the wire: one message, and the ways in which it can leave, over SMTP or as a file."""

from __future__ import annotations

import contextlib
import re
import smtplib
import ssl
from dataclasses import dataclass, field
from email import policy
from email.errors import MessageError
from email.headerregistry import Address, BaseHeader, HeaderRegistry
from email.message import EmailMessage
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Protocol

from domain.errors import AftersaleError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

_PERMANENT: Final = range(500, 600)
_CTE: Final = "quoted-printable"
_ALIKE: Final = frozenset({"auto-submitted", "content-transfer-encoding", "content-type", "from", "mime-version"})
_NOT_IN_FILE_NAMES: Final = re.compile(r"[^A-Za-z0-9._-]+")


class _Headers(HeaderRegistry):
    """The registry, which makes a class anew for each header and parses it: the most of what a mail costs to write.

    So a class is kept for each name, and the headers that are alike in every mail are parsed once.
    """

    def __init__(self) -> None:
        super().__init__()
        self._kinds = lru_cache(maxsize=64)(super().__getitem__)
        self._alike = lru_cache(maxsize=64)(super().__call__)

    def __getitem__(self, name: str) -> type[BaseHeader]:
        return self._kinds(name)

    def __call__(self, name: str, value: str) -> BaseHeader:
        return self._alike(name, value) if name.lower() in _ALIKE else super().__call__(name, value)


_WIRE: Final = policy.SMTP.clone(max_line_length=998, header_factory=_Headers())


class NotSent(AftersaleError):
    """It could not be sent this time. `code` is a word or a status without anything personal."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Undeliverable(NotSent):
    """It can never be sent as it is: nobody there, no address, refused for good."""


class Bounced(Undeliverable):
    """The address itself is the trouble: the server does not know it, or it is none."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A rendered mail."""

    subject: str = field(repr=False)
    text: str = field(repr=False)


class Mailer(Protocol):
    """A way to send mails."""

    def send(self, message: EmailMessage) -> None:
        """Blocks until the message is handed over. Raises NotSent; Undeliverable when another try is in vain."""


def stable_id(order_id: str, cause: str, recipient: str) -> str:
    """128 bits in hex, the same for the same notice: a repeat after a crash can be recognised by it."""
    return sha256(f"{order_id}\n{cause}\n{recipient}".encode()).hexdigest()[:32]


def compose(
    letter: Letter, *, sender: str, to: str, notice_id: str, order_id: str, label: str, at: datetime
) -> EmailMessage:
    """A notice's message. `label` names its template for filters; raises Undeliverable for an impossible address."""
    message = EmailMessage(policy=_WIRE)
    try:
        message["To"] = Address(addr_spec=to)
    except (ValueError, IndexError, MessageError):
        raise Bounced("bad_address") from None
    origin = Address(addr_spec=sender)
    message["From"] = str(origin)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{notice_id}@{origin.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Aftersale-Order"] = order_id
    message["X-Aftersale-Notice"] = label
    message.set_content(letter.text, cte=_CTE)
    return message


@dataclass(frozen=True, slots=True)
class SmtpMailer:
    """Sends over SMTP, one connection per mail. `timeout` in seconds, for connecting and for each answer.

    With `starttls` the connection is encrypted and the server's certificate checked; `username` "" means no log-in.
    """

    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)
    starttls: bool = False
    timeout: float = 10.0

    def send(self, message: EmailMessage) -> None:
        """See `Mailer.send`. Exceptions of smtplib repeat addresses, so that only their codes are kept."""
        try:
            self._send(message)
        except smtplib.SMTPRecipientsRefused as error:
            code = next((code for code, _ in error.recipients.values()), 0)
            raise (Bounced(f"smtp_{code}") if code in _PERMANENT else NotSent(f"smtp_{code}")) from None
        except smtplib.SMTPDataError as error:
            raise _refusal(error.smtp_code) from None
        except smtplib.SMTPNotSupportedError:
            raise Undeliverable("smtp_unsupported") from None
        except smtplib.SMTPResponseException as error:
            raise NotSent(f"smtp_{error.smtp_code}") from None
        except (smtplib.SMTPException, OSError) as error:
            raise NotSent(type(error).__name__) from None

    def _send(self, message: EmailMessage) -> None:
        smtp = smtplib.SMTP(self.host, self.port, timeout=self.timeout)
        try:
            if self.starttls:
                smtp.starttls(context=ssl.create_default_context())
            if self.username:
                smtp.login(self.username, self.password)
            smtp.send_message(message)
            # The mail has been taken by now: a server that stumbles over the farewell must not make us send it again.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                smtp.quit()
        finally:
            smtp.close()


def _refusal(code: int) -> NotSent:
    return Undeliverable(f"smtp_{code}") if code in _PERMANENT else NotSent(f"smtp_{code}")


@dataclass(frozen=True, slots=True)
class EmlMailer:
    """Writes each mail as a file, for looking at; a repeated one replaces the first. Names sort by the mail's date."""

    directory: Path

    def send(self, message: EmailMessage) -> None:
        """See `Mailer.send`."""
        at: datetime = message["Date"].datetime
        parts = (f"{at:%Y-%m-%dT%H%M%S}", message["X-Aftersale-Order"], message["X-Aftersale-Notice"])
        name = "-".join(_NOT_IN_FILE_NAMES.sub("_", str(part)) for part in (*parts, message["Message-ID"][1:9]))
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / f"{name}.eml").write_bytes(message.as_bytes())
