"""Deutsch, in the polite form. See `domain.words.english` for what each table holds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from domain.business_time import Calendar, local_time
from domain.claims.case import Status, Wait
from domain.claims.clocks import UNINSTRUCTED
from domain.money import Money
from domain.state import Role, Stage
from domain.words.german_codes import DISPUTED, reason
from domain.words.tongue import Duties, Words

_DESK = "unser Kundenservice kümmert sich darum"
_WEEKDAYS = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")
_MONTHS = (
    "Januar", "Februar", "März", "April", "Mai", "Juni",
    "Juli", "August", "September", "Oktober", "November", "Dezember",
)  # fmt: skip
_MARKS = str.maketrans(",.", ".,")

HAPPENED: Mapping[str, str] = {
    "place": "Die Bestellung wurde aufgegeben.",
    "pay": "Der Käufer hat eine Zahlung angeboten.",
    "more_time_to_pay": "Der Käufer hat mehr Zeit zum Bezahlen bekommen.",
    "expire_unpaid": "Niemand hat rechtzeitig bezahlt; die Artikel gehen zurück in den Verkauf.",
    "payout_account": "Das Auszahlungskonto des Verkäufers wurde geändert.",
    "renew_hold": "Die Reservierung auf der Karte des Käufers wird erneuert.",
    "hold_lapses": "Die Reservierung auf der Karte des Käufers ist abgelaufen; Unversandtes wurde storniert.",
    "confirm": "Der Verkäufer hat bestätigt.",
    "decline": "Der Verkäufer hat abgelehnt.",
    "confirm_overdue": f"Der Verkäufer hat nicht rechtzeitig bestätigt; {_DESK}.",
    "confirm_lapses": "Der Verkäufer hat nicht bestätigt; die Bestellung wurde storniert.",
    "ship": "Ein Paket wurde versandt.",
    "ship_overdue": f"Der Verkäufer hat nicht rechtzeitig versandt; {_DESK}.",
    "ship_lapses": "Der Verkäufer hat nicht versandt; nicht versandte Artikel wurden storniert.",
    "change_address": "Der Käufer hat die Adresse geändert.",
    "ask_time": "Der Verkäufer hat um mehr Zeit für den Versand gebeten.",
    "grant_time": "Mehr Zeit für den Versand wurde gewährt.",
    "refuse_time": "Mehr Zeit für den Versand wurde abgelehnt.",
    "time_lapses": "Niemand hat auf die Bitte um mehr Zeit geantwortet; sie ist verfallen.",
    "parcel_scan": "Der Zusteller hat Neues zu einem Paket gemeldet.",
    "parcel_stalled": f"Ein Paket bewegt sich nicht mehr; {_DESK}.",
    "wait_longer": "Der Käufer ist bereit, länger zu warten.",
    "receive": "Der Käufer hat den ordnungsgemäßen Empfang von Artikeln bestätigt.",
    "accept_on_strong_proof": "Der Käufer hat sich nicht gemeldet; ein sicherer Zustellnachweis gab das Geld frei.",
    "accept_on_weak_proof": (
        "Der Käufer hat sich auch in der langen Frist nicht gemeldet; die Zustellmeldung gab das Geld frei."
    ),
    "receipt_overdue": f"Der Käufer hat sich nicht gemeldet; {_DESK}.",
    "escrow_ends": "Das Geld war so lange verwahrt wie erlaubt; was übrig war, wurde nach der Regel abgerechnet.",
    "held_escrow_ends": "Das Geld war so lange verwahrt wie erlaubt; was strittig war, ging zurück an den Käufer.",
    "close": "Die Zeit für Reklamationen ist vorbei, und nichts ist mehr offen.",
    "cancel": "Artikel wurden storniert.",
    "request_cancel": "Der Käufer hat den Verkäufer um Stornierung gebeten.",
    "grant_cancel": "Der Stornowunsch wurde angenommen.",
    "refuse_cancel": "Der Stornowunsch wurde abgelehnt.",
    "cancel_by_silence": "Der Verkäufer hat nicht geantwortet; der Stornowunsch gilt als angenommen.",
    "message": "Jemand hat geschrieben.",
    "open_claim": "Der Käufer hat reklamiert.",
    "answer_claim": "Zur Reklamation wurde Stellung genommen.",
    "assign_claim": "Die Reklamation wurde einer Person übergeben.",
    "add_evidence": "Zur Reklamation kamen Belege hinzu.",
    "claim_unanswered": f"Die Reklamation wurde nicht rechtzeitig beantwortet; {_DESK}.",
    "claim_lapses": "Der Käufer hat die Reklamation nicht weiterverfolgt; sie wurde geschlossen.",
    "withdraw_claim": "Der Käufer hat die Reklamation zurückgezogen.",
    "wait_on_claim": "Der Käufer gibt dem Paket mehr Zeit; die Reklamation ruht.",
    "claim_wakes": "Die Zeit, die der Käufer gegeben hat, ist um; die Reklamation geht weiter.",
    "grant_claim": "Der Verkäufer hat die Reklamation anerkannt.",
    "offer_refund": "Eine Rückerstattung wurde angeboten.",
    "accept_offer": "Das Angebot wurde angenommen.",
    "decline_offer": "Das Angebot wurde abgelehnt.",
    "instruct_return": "Es wurde mitgeteilt, wie die Artikel zurückgehen.",
    "instruction_missing": f"Es wurde nicht rechtzeitig mitgeteilt, wie die Artikel zurückgehen; {_DESK}.",
    "send_return": "Die Artikel sind auf dem Rückweg.",
    "receive_return": "Die zurückgesandten Artikel sind angekommen.",
    "inspect_return": "Die zurückgesandten Artikel wurden geprüft.",
    "return_missing": f"Die Rücksendung ist nicht rechtzeitig angekommen; {_DESK}.",
    "inspection_lapses": "Der Verkäufer hat die Rücksendung nicht rechtzeitig geprüft; das Geld geht zurück.",
    "escalate_claim": "Die Reklamation wurde an unseren Kundenservice gegeben.",
    "escalate_upstream": "Die Reklamation wurde an den Shop gegeben, aus dem die Artikel stammen.",
    "answer_upstream": "Der Shop, aus dem die Artikel stammen, hat geantwortet.",
    "upstream_silent": f"Der Shop, aus dem die Artikel stammen, hat nicht geantwortet; {_DESK}.",
    "ask_party": "Unser Kundenservice hat eine Frage zur Reklamation.",
    "decide_claim": "Unser Kundenservice hat über die Reklamation entschieden.",
    "appeal_claim": "Gegen die Entscheidung wurde Einspruch erhoben.",
    "decision_stands": "Niemand hat Einspruch erhoben; die Entscheidung wurde ausgeführt.",
    "claim_times_out": "Niemand hat rechtzeitig über die Reklamation entschieden; der Käufer bekommt recht.",
    "release": "Unser Kundenservice hat Geld für den Verkäufer freigegeben.",
    "refund": "Unser Kundenservice hat dem Käufer Geld zurückgegeben.",
    "refund_shipping": "Unser Kundenservice hat dem Käufer die Versandkosten zurückgegeben.",
    "extend": "Eine Frist wurde verlängert.",
    "pause": "Die Bestellung wurde angehalten.",
    "resume": "Die Bestellung geht weiter.",
    "pause_ends": "Die Pause ist vorbei; die Bestellung geht weiter.",
    "retry": "Wartendes Geld wurde noch einmal auf den Weg gebracht.",
    "note": "Eine Notiz wurde hinzugefügt.",
    "adopt_policy": "Die Bestellung läuft nach anderen Regeln weiter.",
    "approve": "Eine zweite Person hat zugestimmt.",
    "approval_lapses": "Niemand hat rechtzeitig als zweite Person zugestimmt.",
    "ask_second_operator": "Ein hoher Betrag wartet auf die Zustimmung einer zweiten Person.",
    "assign_ticket": "Ein Ticket wurde einer Person übergeben.",
    "resolve_ticket": "Ein Ticket wurde gelöst.",
    "ticket_overdue": "Ein Ticket wurde nicht rechtzeitig gelöst und geht eine Stufe höher.",
    "payment_found": "Der Zahlungsdienstleister hat eine Zahlung gemeldet, die verspätet oder unerwartet kam.",
    "hold_lost": "Die Bank hat die Reservierung auf der Karte des Käufers aufgehoben.",
    "refund_failed": "Eine Rückerstattung kam nicht an; das Geld ist wieder bei uns.",
    "open_dispute": "Die Bank des Käufers hat das Geld zurückgebucht; sie entscheidet, wer recht hat.",
    "win_dispute": "Die Bank hat für den Verkäufer entschieden; das Geld ist wieder da.",
    "lose_dispute": "Die Bank hat für den Käufer entschieden.",
    "dispute_lapses": "Die Bank hat nicht geantwortet; die Rückbuchung gilt als verloren.",
    "account_restricted": "Der Zahlungsdienstleister hat das Auszahlungskonto des Verkäufers eingeschränkt.",
    "account_active": "Das Auszahlungskonto des Verkäufers funktioniert wieder.",
    "settle": "Wartendes Geld wurde abgerechnet, oder es wurde danach gefragt.",
    "money_overdue": f"Zu lange ist unklar, wo Geld ist; {_DESK}.",
    "extend_calendars": "Die Kalender der Bestellung wurden verlängert.",
    "spare_after_outage": "Eine Frist kam wegen einer Störung zu spät zum Zug; sie wurde verschoben.",
}

OTHERWISE: Mapping[str, str] = {
    "expire_unpaid": "verfällt die Bestellung, und die Artikel gehen zurück in den Verkauf",
    "renew_hold": "wird die Reservierung auf der Karte erneuert",
    "hold_lapses": "endet die Reservierung, und nicht versandte Artikel werden storniert",
    "confirm_overdue": "kümmert sich unser Kundenservice darum",
    "confirm_lapses": "wird die Bestellung storniert und die Reservierung freigegeben",
    "ship_overdue": "kümmert sich unser Kundenservice darum",
    "ship_lapses": "werden nicht versandte Artikel storniert, und ihr Preis wird erstattet",
    "time_lapses": "verfällt die Bitte um mehr Zeit",
    "parcel_stalled": "sucht unser Kundenservice nach dem Paket",
    "accept_on_strong_proof": "wird das Geld für den Verkäufer freigegeben",
    "accept_on_weak_proof": "wird das Geld für den Verkäufer freigegeben",
    "receipt_overdue": "kümmert sich unser Kundenservice darum",
    "escrow_ends": ("werden nicht versandte Artikel storniert, nicht angekommene erstattet und zugestellte bezahlt"),
    "held_escrow_ends": "werden strittige Artikel erstattet",
    "close": "wird die Bestellung geschlossen",
    "claim_unanswered": "entscheidet unser Kundenservice",
    "claim_lapses": "wird die Reklamation geschlossen",
    "claim_wakes": "geht die Reklamation weiter",
    "instruction_missing": "entscheidet unser Kundenservice",
    "return_missing": "entscheidet unser Kundenservice",
    "inspection_lapses": "geht das Geld an den Käufer zurück",
    "upstream_silent": "entscheidet unser Kundenservice",
    "decision_stands": "wird die Entscheidung ausgeführt",
    "claim_times_out": "bekommt der Käufer recht",
    "cancel_by_silence": "gilt der Stornowunsch als angenommen",
    "pause_ends": "geht die Bestellung weiter",
    "approval_lapses": "verfällt die Anweisung über den hohen Betrag",
    "ticket_overdue": "geht das Ticket eine Stufe höher",
    "dispute_lapses": "gilt die Rückbuchung als verloren",
    "settle": "wird der Zahlungsdienstleister gefragt",
    "money_overdue": "kümmert sich unser Kundenservice darum",
    "extend_calendars": "werden die Kalender verlängert",
}
"""With the verb first, as it stands after 'Sonst ...' and after 'Wenn ..., ...'."""

ASKED: Duties = {
    Role.SELLER: {
        Stage.PLACED: "Bitte bestätigen Sie die Bestellung bis {until} oder lehnen Sie sie ab.",
        Stage.CONFIRMED: "Bitte versenden Sie die Artikel bis {until} und geben Sie die Sendungsnummer an.",
        Stage.PART_SHIPPED: "Bitte versenden Sie die übrigen Artikel bis {until}.",
        "cancel_by_silence": "Bitte nehmen Sie den Stornowunsch des Käufers bis {until} an oder lehnen Sie ihn ab.",
    },
    Role.BUYER: {
        Stage.AWAITING_PAYMENT: "Bitte bezahlen Sie bis {until}.",
        Stage.DELIVERED: "Bitte prüfen Sie die Artikel und bestätigen Sie bis {until} den ordnungsgemäßen Empfang.",
        Stage.SHIPPED: (
            "Bitte warten Sie auf das Paket und bestätigen Sie dann bis {until} den ordnungsgemäßen Empfang."
        ),
        Stage.PART_SHIPPED: "Bitte prüfen Sie bis {until}, was angekommen ist.",
        "hold_lapses": "Bitte bezahlen Sie bis {until} noch einmal.",
        "time_lapses": "Bitte gewähren Sie dem Verkäufer bis {until} mehr Zeit zum Versand, oder lehnen Sie sie ab.",
    },
}

AWAITED: Duties = {
    Role.SELLER: {
        Stage.PLACED: "Der Verkäufer hat bis {until} Zeit, die Bestellung zu bestätigen oder abzulehnen.",
        Stage.CONFIRMED: "Der Verkäufer hat bis {until} Zeit, zu versenden und die Sendungsnummer anzugeben.",
        Stage.PART_SHIPPED: "Der Verkäufer hat bis {until} Zeit, die übrigen Artikel zu versenden.",
        "cancel_by_silence": "Der Verkäufer hat bis {until} Zeit, den Stornowunsch anzunehmen oder abzulehnen.",
    },
    Role.BUYER: {
        Stage.AWAITING_PAYMENT: "Der Käufer hat bis {until} Zeit zu bezahlen.",
        Stage.DELIVERED: (
            "Der Käufer hat bis {until} Zeit, die Artikel zu prüfen und den ordnungsgemäßen Empfang zu bestätigen."
        ),
        Stage.SHIPPED: (
            "Der Käufer wartet auf das Paket und hat dann bis {until} Zeit, den ordnungsgemäßen Empfang zu bestätigen."
        ),
        Stage.PART_SHIPPED: "Der Käufer hat bis {until} Zeit, zu prüfen, was angekommen ist.",
        "hold_lapses": "Der Käufer hat bis {until} Zeit, noch einmal zu bezahlen.",
        "time_lapses": "Der Käufer hat bis {until} Zeit, mehr Zeit zum Versand zu gewähren oder abzulehnen.",
    },
}

COMMANDS: Mapping[str, str] = {
    "message": "eine Nachricht schreiben",
    "open_claim": "reklamieren",
    "answer_claim": "auf die Reklamation antworten",
    "add_evidence": "Belege zur Reklamation geben",
    "withdraw_claim": "die Reklamation zurückziehen",
    "wait_on_claim": "dem Paket mehr Zeit geben",
    "grant_claim": "die Reklamation anerkennen",
    "offer_refund": "eine Rückerstattung anbieten",
    "accept_offer": "das Angebot annehmen",
    "decline_offer": "das Angebot ablehnen",
    "instruct_return": "mitteilen, wie die Artikel zurückgehen",
    "send_return": "die Artikel zurücksenden",
    "receive_return": "die Rücksendung als angekommen melden",
    "inspect_return": "die Rücksendung prüfen",
    "escalate_claim": "die Reklamation an den Kundenservice geben",
    "escalate_upstream": "die Reklamation an den Shop geben",
    "answer_upstream": "die Antwort des Shops melden",
    "appeal_claim": "Einspruch erheben",
    "pay": "bezahlen",
    "more_time_to_pay": "mehr Zeit zum Bezahlen bekommen",
    "confirm": "Artikel bestätigen",
    "decline": "die Bestellung ablehnen",
    "ship": "ein Paket als versandt melden",
    "change_address": "die Adresse ändern",
    "ask_time": "um mehr Zeit für den Versand bitten",
    "grant_time": "mehr Zeit für den Versand gewähren",
    "refuse_time": "mehr Zeit für den Versand ablehnen",
    "wait_longer": "länger warten",
    "receive": "den ordnungsgemäßen Empfang bestätigen",
    "cancel": "stornieren",
    "request_cancel": "um Stornierung bitten",
    "grant_cancel": "der Stornierung zustimmen",
    "refuse_cancel": "die Stornierung ablehnen",
}
"""What a party may ask for, as it stands after 'Sie wollten'; another name is told as it was sent."""

APPEAL: Mapping[str, str] = {
    "": "Beide Seiten können bis {until} Einspruch gegen die Entscheidung erheben.",
    "you": "Wenn die Entscheidung falsch ist, erheben Sie bitte bis {until} Einspruch.",
    "buyer": "Der Käufer kann bis {until} Einspruch gegen die Entscheidung erheben.",
    "seller": "Der Verkäufer kann bis {until} Einspruch gegen die Entscheidung erheben.",
}

CLAIM_ASKED: Mapping[str, str] = {
    Status.RECEIVED: "Bitte antworten Sie bis {until} auf die Reklamation.",
    Status.WAITING_FOR_SELLER: "Bitte antworten Sie bis {until} auf die Reklamation.",
    Status.WAITING_FOR_BUYER: (
        "Bitte antworten Sie bis {until} dem Verkäufer oder geben Sie die Reklamation an unseren Kundenservice."
    ),
    Status.SELLER_ASKED: "Bitte beantworten Sie bis {until} die Frage unseres Kundenservices.",
    Status.BUYER_ASKED: "Bitte beantworten Sie bis {until} die Frage unseres Kundenservices.",
    Status.RETURN_REQUESTED: (
        "Bitte senden Sie die Artikel bis {until} an die genannte Adresse oder mit dem Rücksendeetikett zurück, "
        "und geben Sie die Sendungsnummer an."
    ),
    UNINSTRUCTED.step: (
        "Bitte teilen Sie bis {until} mit einer Adresse oder einem Rücksendeetikett mit, wie die Artikel zurückgehen."
    ),
    Status.RETURN_SENT: "Bitte melden Sie bis {until}, ob die Rücksendung angekommen ist.",
    Status.RETURN_RECEIVED: "Bitte prüfen Sie die Rücksendung bis {until}.",
    Status.ESCALATED_UPSTREAM: "Bitte melden Sie bis {until}, was der Shop geantwortet hat.",
    Status.WAITING_LONGER: "Bis {until} hat das Paket noch Zeit.",
}

CLAIM_AWAITED: Mapping[str, str] = {
    Status.RECEIVED: "Der Verkäufer hat bis {until} Zeit, auf die Reklamation zu antworten.",
    Status.WAITING_FOR_SELLER: "Der Verkäufer hat bis {until} Zeit, auf die Reklamation zu antworten.",
    Status.WAITING_FOR_BUYER: "Der Käufer hat bis {until} Zeit, zu antworten.",
    Status.SELLER_ASKED: "Der Verkäufer hat bis {until} Zeit, die Frage unseres Kundenservices zu beantworten.",
    Status.BUYER_ASKED: "Der Käufer hat bis {until} Zeit, die Frage unseres Kundenservices zu beantworten.",
    Status.RETURN_REQUESTED: (
        "Der Käufer hat bis {until} Zeit, die Artikel an die genannte Adresse oder mit dem Rücksendeetikett "
        "zurückzusenden."
    ),
    UNINSTRUCTED.step: (
        "Der Verkäufer hat bis {until} Zeit, mit einer Adresse oder einem Rücksendeetikett mitzuteilen, "
        "wie die Artikel zurückgehen."
    ),
    Status.RETURN_SENT: "Der Verkäufer hat bis {until} Zeit, die Ankunft der Rücksendung zu melden.",
    Status.RETURN_RECEIVED: "Der Verkäufer hat bis {until} Zeit, die Rücksendung zu prüfen.",
    Status.ESCALATED_UPSTREAM: "Der Verkäufer hat bis {until} Zeit, die Antwort des Shops zu melden.",
    Status.WAITING_LONGER: "Bis {until} hat das Paket noch Zeit.",
}

CLAIM_WAITS: Mapping[Wait, str] = {
    Wait.DESK: "Unser Kundenservice entscheidet über die Reklamation.",
    Wait.PAUSE: "Die Bestellung ruht bis {until}; so lange läuft für keine Seite eine Frist.",
    Wait.MONEY: "Das Geld ist auf dem Weg zum Käufer.",
    Wait.REST: "Das übrige Geld ist auf dem Weg zum Käufer.",
    Wait.BANK: "Die Bank des Käufers entscheidet über das Geld für {lines}; bis dahin bewegt es sich nicht.",
}

CLAIM_STATUS: Mapping[Status, str] = {
    Status.RECEIVED: "Eingegangen",
    Status.WAITING_FOR_SELLER: "Wartet auf den Verkäufer",
    Status.WAITING_FOR_BUYER: "Wartet auf den Käufer",
    Status.WAITING_LONGER: "Wartet noch auf das Paket",
    Status.RETURN_REQUESTED: "Rücksendung erbeten",
    Status.RETURN_SENT: "Rücksendung unterwegs",
    Status.RETURN_RECEIVED: "Rücksendung angekommen",
    Status.ESCALATED_UPSTREAM: "Beim Ursprungsshop",
    Status.ESCALATED: "Beim Kundenservice",
    Status.SELLER_ASKED: "Wartet auf den Verkäufer (Frage des Kundenservices)",
    Status.BUYER_ASKED: "Wartet auf den Käufer (Frage des Kundenservices)",
    Status.REFUND_APPROVED: "Rückerstattung bewilligt",
    Status.REJECTED: "Abgelehnt",
    Status.RESOLVED: "Erledigt",
    Status.CLOSED: "Geschlossen",
}

EXPECTED: Mapping[str, str] = {
    "Usually within one to two business days": "In der Regel innerhalb von ein bis zwei Arbeitstagen",
    "Usually within two to four business days": "In der Regel innerhalb von zwei bis vier Arbeitstagen",
    "Usually within two to five business days": "In der Regel innerhalb von zwei bis fünf Arbeitstagen",
    "Please look at the goods within four business days": "Bitte prüfen Sie die Ware innerhalb von vier Arbeitstagen",
    "Usually within five to eight business days": "In der Regel innerhalb von fünf bis acht Arbeitstagen",
    "Usually within two to three business days, by insured courier": (
        "In der Regel innerhalb von zwei bis drei Arbeitstagen, mit versichertem Kurier"
    ),
    "Please examine the piece within six business days": "Bitte prüfen Sie das Stück innerhalb von sechs Arbeitstagen",
}
"""What the policies that come with us promise. A marketplace's own words are told as it wrote them."""


def told_time(calendar: Calendar, t: datetime) -> str:
    """As in 'Mittwoch, 2. Dezember 2026, 16:00 Uhr (UTC+1)'."""
    local = local_time(calendar, t)
    hours, minutes = f"{local:%z}"[:3], f"{local:%z}"[3:5]
    offset = f"{int(hours):+d}" if minutes == "00" else f"{hours[0]}{int(hours[1:])}:{minutes}"
    zone = "UTC" if offset == "+0" else f"UTC{offset}"
    day = f"{_WEEKDAYS[local.weekday()]}, {local.day}. {_MONTHS[local.month - 1]} {local.year}"
    return f"{day}, {local:%H:%M} Uhr ({zone})"


def told_amount(amount: Money) -> str:
    """As in '1.234,50 EUR', with the digits that ISO 4217 gives the currency."""
    figure, currency = str(amount).split(" ")
    return f"{Decimal(figure):,}".translate(_MARKS) + f" {currency}"


GERMAN = Words(
    happened=HAPPENED,
    asked=ASKED,
    awaited=AWAITED,
    otherwise=OTHERWISE,
    claim_asked=CLAIM_ASKED,
    claim_awaited=CLAIM_AWAITED,
    appeal=APPEAL,
    claim_waits=CLAIM_WAITS,
    status=CLAIM_STATUS,
    default="Sonst {otherwise}.",
    unless="Wenn bis {until} nichts geschieht, {otherwise}.",
    shipping="Versand",
    alternative="oder",
    time=told_time,
    amount=told_amount,
    command=lambda name: COMMANDS.get(name.replace(" ", "_"), name),
    reason=reason,
    dispute=lambda code: DISPUTED.get(code, DISPUTED["other"]),
    expectation=lambda text: EXPECTED.get(text, text),
)
