"""What codes mean in German: why something was refused, a payout came back, or a payment was disputed."""

from __future__ import annotations

from collections.abc import Mapping

REFUSED: Mapping[str, str] = {
    "appealable": "gegen die Entscheidung kann kein Einspruch mehr erhoben werden",
    "claim_open": "zu einem der Artikel läuft schon eine Reklamation",
    "claim_status": "der Stand der Reklamation lässt es gerade nicht zu",
    "claim_unclear": "bitte nennen Sie die Reklamation",
    "claim_unknown": "diese Reklamation gibt es nicht",
    "claim_window": "die Zeit für Reklamationen ist vorbei; unser Kundenservice hilft weiter",
    "claim_decided": "darüber ist schon entschieden; unser Kundenservice hilft weiter",
    "claims_left": "zu diesem Artikel wurde schon zu oft reklamiert; unser Kundenservice hilft weiter",
    "claimable": "zu keinem Artikel kann gerade reklamiert werden",
    "never_upstream": "der Ursprungsshop wurde dazu schon einmal gefragt",
    "not_delivered": "das geht erst, wenn die Ware angekommen ist",
    "lines_not_named": "bitte nennen Sie die Artikel, die in dem weiteren Paket sind",
    "not_reviewed": "die Zahlung wird gerade geprüft; bitte geben Sie das Paket nicht aus der Hand",
    "not_received": "warten lässt sich nur auf ein fehlendes Paket",
    "offer_stands": "es gibt gerade kein Angebot der anderen Seite",
    "return_window": "die Rückgabefrist ist vorbei",
    "awaits_payment": "die Bestellung ist schon bezahlt",
    "capturable": "die Zahlung des Käufers ist gerade nicht gesichert",
    "capture_settled": "das Geld des Käufers wird gerade noch eingezogen",
    "command_id_reused": "unter derselben Kennung kam schon ein anderer Wunsch",
    "taken_before": "unter derselben Kennung kam vor langer Zeit schon ein Wunsch",
    "hold_is_good": "die Zahlung des Käufers ist gerade nicht gesichert; bitte geben Sie das Paket noch nicht ab",
    "invalid": "die Angaben waren unvollständig oder fehlerhaft",
    "goods_to_send": "die Ware ist schon beim Verkäufer",
    "goods_with_buyer": "die Ware ist beim Verkäufer oder auf dem Weg dorthin; wir entscheiden darüber",
    "line_held": "ein Artikel wird gerade geklärt",
    "line_not_confirmed": "das geht nur für bestätigte Artikel",
    "line_state": "ein Artikel ist dafür schon zu weit oder noch nicht weit genug",
    "line_unknown": "einer der Artikel gehört nicht zu dieser Bestellung",
    "more_than_allowed": "so viele Tage sind nicht möglich",
    "no_line_fits": "dafür kommt gerade keiner der Artikel infrage",
    "no_request_open": "ein Stornowunsch wartet schon auf die Antwort des Verkäufers",
    "no_time_asked": "eine Bitte um mehr Zeit wartet schon auf Antwort",
    "nothing_shipped": "ein Paket ist schon unterwegs",
    "on_its_way": "es ist nichts unterwegs",
    "order_over": "die Bestellung ist abgeschlossen",
    "paid": "die Bestellung ist noch nicht bezahlt",
    "parcel_known": "dieses Paket wurde schon gemeldet",
    "pay_days_left": "mehr Zeit zum Bezahlen ist nicht mehr möglich",
    "request_open": "es gibt keinen offenen Stornowunsch",
    "requestable": "kein Artikel ist bestätigt und noch nicht versandt",
    "role_not_allowed": "das können nur andere Beteiligte tun",
    "ship_days_left": "mehr Zeit für den Versand ist nicht mehr möglich",
    "shipping_due": "kein Artikel wartet auf den Versand",
    "time_asked": "niemand hat um mehr Zeit gebeten",
    "unpaid": "für diese Bestellung ist gerade keine Zahlung offen",
    "wait_days_left": "noch länger zu warten ist nicht möglich",
}
"""Why something was refused, by the refusal's code."""

_NOT_NOW = "der Stand der Bestellung lässt es gerade nicht zu"

RETURNED: Mapping[str, str] = {
    "account_closed": "das Konto ist geschlossen",
    "account_frozen": "das Konto ist gesperrt",
    "bank_account_restricted": "das Konto ist eingeschränkt",
    "bank_ownership_changed": "das Konto hat den Inhaber gewechselt",
    "could_not_process": "die Bank konnte die Auszahlung nicht ausführen",
    "debit_not_authorized": "Abbuchungen sind für das Konto nicht erlaubt",
    "declined": "die Bank hat abgelehnt",
    "incorrect_account_holder_address": "die Anschrift des Kontoinhabers stimmt nicht",
    "incorrect_account_holder_name": "der Name des Kontoinhabers stimmt nicht",
    "incorrect_account_holder_tax_id": "die Steuernummer des Kontoinhabers stimmt nicht",
    "insufficient_funds": "das Guthaben reichte nicht aus",
    "invalid_account_number": "die Kontonummer ist ungültig",
    "invalid_currency": "das Konto nimmt diese Währung nicht an",
    "no_account": "das Konto gibt es nicht",
    "unsupported_card": "die Karte nimmt keine Auszahlungen an",
}
"""Why a bank returned a payout, by the provider's code; of another code nothing is told."""

DISPUTED: Mapping[str, str] = {
    "not_received": "Ware nicht erhalten",
    "not_as_described": "Ware nicht wie beschrieben",
    "credit_not_processed": "Gutschrift nicht erhalten",
    "fraudulent": "Zahlung nicht genehmigt",
    "duplicate": "doppelt belastet",
    "unrecognised": "Zahlung nicht erkannt",
    "other": "sonstiges",
}


def reason(code: str, text: str) -> str:
    """Why, by the code of a refusal; without one, `text` is the provider's code."""
    return REFUSED.get(code, _NOT_NOW) if code else RETURNED.get(text.replace(" ", "_"), "")
