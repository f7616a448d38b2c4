"""Subscriptions over HTTP; each holder sees and changes its own."""

import sqlite3
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from models.times import format_time
from models.vocabulary import Text
from service.access import Principal, Role
from service.auth.authentication import Declarer
from service.http.routes.common import EncodedInThread, Listing, Page, committed, position
from service.http.routes.parts import ClockDep, DatabaseDep, DispatcherDep, OpaqueIdsDep, ServeParametersDep
from service.notify import confirmation
from service.notify.addresses import check_chat, check_mail
from service.notify.target_policy import check_webhook
from service.parameters import ServeParameters, SubscriptionParameters
from service.problems import RESPONSES, Problem, not_found
from service.store import audit, mail_addresses, subscriptions
from service.store.database import Database
from service.store.messages.preferences import Preferences
from service.store.subscriptions import Subscription

router = APIRouter(route_class=EncodedInThread, prefix="/v1/subscriptions", tags=["subscriptions"], responses=RESPONSES)
Channel = Literal["webhook", "mail", "chat"]
_CHECKS = {"webhook": check_webhook, "mail": check_mail, "chat": check_chat}


class SubscriptionWish(BaseModel):
    """A subscription to create."""

    name: Text = Field(max_length=200, examples=["Operations room"])
    channel: Channel = Field("webhook", description="`webhook` (signed after Standard Webhooks), `mail`, or `chat` through Apprise.")
    target: Text = Field(
        max_length=2000,
        description="An https address, a mail address, or an Apprise address.",
        examples=["https://hooks.example.com/highwater"],
    )
    wishes: Preferences = Field(default_factory=Preferences)


class SubscriptionChange(BaseModel):
    """The fields to change; other fields stay as they are."""

    name: Annotated[Text | None, Field(max_length=200)] = None
    target: Annotated[Text | None, Field(max_length=2000)] = None
    wishes: Preferences | None = None
    paused: bool | None = None


class SubscriptionShown(BaseModel):
    """A subscription, without its secret."""

    id: str
    holder: str | None = Field(description="The User that owns it; null: the triage desk.")
    name: str
    channel: Channel
    target: str = Field(description="For a chat address only the service: the rest is a secret.")
    wishes: Preferences
    created_at: str
    paused_reason: str | None
    confirmed: bool = Field(
        description="False until somebody opens the link that was sent to a mail address: before that, nothing else is sent there."
    )


class SubscriptionMade(SubscriptionShown):
    """A new subscription; the signing secret is shown only this once."""

    secret: str | None = Field(description="For webhooks: `whsec_…`, to check signatures with.")


class SubscriptionPage(BaseModel):
    """The holder's subscriptions."""

    items: list[SubscriptionShown]
    next: None = None


class Tested(BaseModel):
    """The result of the test message."""

    delivered: bool
    status: int | None
    error: str | None


@router.get("", summary="List own subscriptions")
def listed(
    database: DatabaseDep,
    principal: Declarer,
    everyone: Annotated[bool, Query(description="Everyone's, for an administrator: a leaked token may have left a webhook.")] = False,  # noqa: FBT002 - a query parameter
) -> SubscriptionPage:
    """Oldest first."""
    if everyone and principal.role is not Role.ADMIN:
        raise Problem(403, "all subscriptions are visible to the role admin only")
    read = subscriptions.all_subscriptions if everyone else partial(subscriptions.held, holder=principal.holder)
    held = database.read(read)
    return SubscriptionPage(items=[_shown(one) for one in held])


@router.post("", status_code=201, summary="Subscribe")
async def subscribe(
    database: DatabaseDep, clock: ClockDep, parameters: ServeParametersDep, principal: Declarer, wish: SubscriptionWish
) -> SubscriptionMade:
    """For one's own alerts; the triage desk: for everything."""
    _check(parameters.subscriptions, wish.channel, wish.target)
    made = await committed(database, partial(_add, principal=principal, wish=wish, parameters=parameters, now_us=clock.wall_us()))
    return SubscriptionMade(**_shown(made).model_dump(), secret=made.secrets[0][0] if made.channel == "webhook" else None)


@router.get("/confirm/{secret}", include_in_schema=False)
async def confirm_page(secret: Annotated[str, Path(max_length=100)]) -> HTMLResponse:
    """The page behind the link in a request to confirm an address; opening it changes nothing."""
    return HTMLResponse(confirmation.page(confirmed=None if secret else False))


@router.post("/confirm/{secret}", include_in_schema=False)
async def confirm(
    database: DatabaseDep, clock: ClockDep, dispatcher: DispatcherDep, secret: Annotated[str, Path(max_length=100)]
) -> HTMLResponse:
    """Its button: anyone who can read mail at the address allows messages."""
    done = await committed(database, partial(mail_addresses.confirm, secret=secret, now_us=clock.wall_us()))
    dispatcher.wake_soon()
    return HTMLResponse(confirmation.page(confirmed=done), 200 if done else 404)


@router.get("/{subscription_id}", summary="One subscription")
def one(database: DatabaseDep, principal: Declarer, subscription_id: str) -> SubscriptionShown:
    """Without its secret."""
    return _shown(_own(database, principal, subscription_id))


@router.patch("/{subscription_id}", summary="Change, pause or resume")
async def change(
    database: DatabaseDep,
    clock: ClockDep,
    dispatcher: DispatcherDep,
    parameters: ServeParametersDep,
    principal: Declarer,
    subscription_id: str,
    wanted: SubscriptionChange,
) -> SubscriptionShown:
    """Fields that are left out stay as they are."""
    own = _own(database, principal, subscription_id)
    if wanted.target is not None:
        _check(parameters.subscriptions, own.channel, wanted.target)
    paused = own.paused_reason if wanted.paused is None else f"paused by {principal.name}" if wanted.paused else None
    changed = replace(
        own, name=wanted.name or own.name, target=wanted.target or own.target, wishes=wanted.wishes or own.wishes, paused_reason=paused
    )
    job = partial(_change, principal=principal, changed=changed, parameters=parameters, now_us=clock.wall_us())
    shown = await committed(database, job)
    dispatcher.wake_soon()
    return _shown(shown)


@router.delete("/{subscription_id}", status_code=204, summary="Unsubscribe")
async def unsubscribe(database: DatabaseDep, clock: ClockDep, principal: Declarer, subscription_id: str) -> Response:
    """With its messages and its log."""
    own = _own(database, principal, subscription_id)
    await committed(database, partial(_remove, principal=principal, own=own, now_us=clock.wall_us()))
    return Response(status_code=204)


@router.post("/{subscription_id}/secret", summary="Rotate the signing secret")
async def rotate(database: DatabaseDep, clock: ClockDep, principal: Declarer, subscription_id: str) -> SubscriptionMade:
    """The new secret is shown only this once; the previous one signs in addition for another day."""
    own = _own(database, principal, subscription_id)
    if own.channel != "webhook":
        raise Problem(422, "only webhooks are signed")
    now_us = clock.wall_us()
    changed = replace(own, secrets=subscriptions.rotated(own, now_us))
    await committed(database, partial(_write, principal=principal, changed=changed, action="rotate secret", now_us=now_us))
    return SubscriptionMade(**_shown(changed).model_dump(), secret=changed.secrets[0][0])


@router.post("/{subscription_id}/confirmation", status_code=202, summary="Send the confirmation request to a mail address again")
async def ask_again(
    database: DatabaseDep,
    clock: ClockDep,
    dispatcher: DispatcherDep,
    parameters: ServeParametersDep,
    principal: Declarer,
    subscription_id: str,
) -> SubscriptionShown:
    """At most once an hour."""
    own = _own(database, principal, subscription_id)
    job = partial(confirmation.ask_to_confirm, subscription=own, parameters=parameters, now_us=clock.wall_us())
    await committed(database, job)
    dispatcher.wake_soon()
    return _shown(own)


@router.post("/{subscription_id}/test", summary="Send a test message")
async def test(database: DatabaseDep, dispatcher: DispatcherDep, principal: Declarer, subscription_id: str) -> Tested:
    """At once, whatever the preferences are."""
    own = _own(database, principal, subscription_id)
    if not own.is_confirmed:
        return Tested(
            delivered=False, status=None, error="the address is not confirmed yet: open the link in the message that was sent to it"
        )
    reply = await dispatcher.test(own)
    return Tested(delivered=reply.delivered, status=reply.status, error=reply.error)


@router.get("/{subscription_id}/deliveries", response_model=Page, summary="The delivery log")
def deliveries(
    database: DatabaseDep, ids: OpaqueIdsDep, principal: Declarer, subscription_id: str, listing: Annotated[Listing, Query()]
) -> Page:
    """Every attempt, newest first."""
    own = _own(database, principal, subscription_id)
    log = f"deliveries:{own.id}"
    items, following = database.read(
        partial(subscriptions.deliveries, subscription_id=own.id, before=position(ids, principal, log, listing), limit=listing.limit)
    )
    shown = [{**item, "message": ids.message_id(principal.holder, item["message"])} for item in items]
    return Page(items=shown, next=ids.cursor(principal, log, following))


def _own(database: Database, principal: Principal, subscription_id: str) -> Subscription:
    """The holder's; an administrator's are all."""
    subscription = database.read(partial(subscriptions.by_id, subscription_id=subscription_id))
    if subscription is None or (subscription.holder != principal.holder and principal.role is not Role.ADMIN):
        raise not_found("subscription")
    return subscription


def _check(parameters: SubscriptionParameters, channel: str, target: str) -> None:
    _CHECKS[channel](target, parameters)


def _change(
    connection: sqlite3.Connection, principal: Principal, changed: Subscription, parameters: ServeParameters, now_us: int
) -> Subscription:
    _write(connection, principal, changed, "change subscription", now_us)
    confirmation.ask_to_confirm(connection, changed, parameters, now_us)
    return subscriptions.by_id(connection, changed.id) or changed


def _add(
    connection: sqlite3.Connection, principal: Principal, wish: SubscriptionWish, parameters: ServeParameters, now_us: int
) -> Subscription:
    if len(subscriptions.held(connection, principal.holder)) >= parameters.quotas.subscriptions_per_user:
        raise Problem(422, f"a User may have at most {parameters.quotas.subscriptions_per_user} subscriptions: delete one first")
    made = subscriptions.add(
        connection, holder=principal.holder, name=wish.name, channel=wish.channel, target=wish.target, wishes=wish.wishes, now_us=now_us
    )
    audit.note(connection, principal, "subscribe", made.id, now_us, {"channel": made.channel, "name": made.name})
    confirmation.ask_to_confirm(connection, made, parameters, now_us)
    return subscriptions.by_id(connection, made.id) or made


def _write(connection: sqlite3.Connection, principal: Principal, changed: Subscription, action: str, now_us: int) -> None:
    subscriptions.change(connection, changed)
    audit.note(connection, principal, action, changed.id, now_us, {"name": changed.name})


def _remove(connection: sqlite3.Connection, principal: Principal, own: Subscription, now_us: int) -> None:
    subscriptions.remove(connection, own.holder, own.id)
    audit.note(connection, principal, "unsubscribe", own.id, now_us, {"name": own.name, "holder": own.holder})


def _shown(one: Subscription) -> SubscriptionShown:
    fields: dict[str, Any] = {
        "id": one.id,
        "holder": one.holder or None,
        "name": one.name,
        "channel": one.channel,
        "wishes": one.wishes,
        "paused_reason": one.paused_reason,
        "confirmed": one.is_confirmed,
    }
    target = one.target if one.channel != "chat" else f"{one.target.partition('://')[0]}://…"
    return SubscriptionShown(**fields, target=target, created_at=format_time(one.created_us))
