"""Confirmation: a mail address receives only a confirmation request until somebody who reads its mail opens the link."""

import json
import sqlite3

from service.parameters import ServeParameters
from service.problems import Problem
from service.store import mail_addresses
from service.store.messages import outbox
from service.store.subscriptions import Subscription

PATH = "/v1/subscriptions/confirm"
_TEXT = (
    "Somebody asked Highwater, the message-traffic monitor of the Data Services Provider, to write to this address when traffic is in"
    " trouble."
    " If you want that, open the link within seven days and press the button. If you do not, do nothing: nothing else is sent to you."
)
"""The text is constant: it contains nothing from the subscriber."""


def ask_to_confirm(connection: sqlite3.Connection, subscription: Subscription, parameters: ServeParameters, now_us: int) -> None:
    """Puts the request into the outbox if the address needs one. Raises Problem 429 if too many were sent."""
    holder, address = subscription.holder, subscription.target
    if subscription.channel != "mail" or mail_addresses.is_confirmed(connection, holder, address):
        return
    secret = mail_addresses.ask(connection, holder, address, now_us)
    if secret is None:
        raise Problem(
            429,
            "too many confirmation requests were sent to this address, or to others, lately: try again in an hour",
            headers={"Retry-After": "3600"},
        )
    base = parameters.public_url or f"http://{parameters.host}:{parameters.port}"
    record = json.dumps({"text": _TEXT, "link": f"{base.rstrip('/')}{PATH}/{secret}"}).encode()
    outbox.put(connection, subscription.id, f"confirm:{now_us}", "confirm", record, now_us, subscription.wishes, urgent=True)


def page(*, confirmed: bool | None) -> str:
    """The page of the link: a button (mail scanners that open links do not press it), then the result."""
    if confirmed is None:
        body = '<p>May Highwater write to this address?</p><form method="post"><button>Yes, it may</button></form>'
    elif confirmed:
        body = "<p>Thank you: Highwater writes to this address from now on.</p>"
    else:
        body = "<p>This link is no longer valid: subscribe again, or request another one.</p>"
    return f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Highwater</title></head><body>{body}</body></html>'
