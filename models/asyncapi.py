"""AsyncAPI: the Kafka topics of the contract with their keys and messages, as a document that tools read."""

from typing import Any, NamedTuple

from models.schema import definitions


class Topic(NamedTuple):
    """A topic, seen from Highwater."""

    address: str
    key: str
    """The meaning of its key."""
    model: str
    action: str
    """`receive` or `send`."""
    text: str
    settings: dict[str, Any] = {}  # noqa: RUF012 # never written into
    """Kafka channel binding."""


COMPACTED = {"topicConfiguration": {"cleanup.policy": ["compact"]}}

TOPICS = (
    Topic("dsp.message-rates", "user", "TrafficEvent", "receive", "Message rate of one series in one window."),
    Topic("dsp.queue-depths", "user", "QueueEvent", "receive", "Queue depth of one User's queue."),
    Topic(
        "change-calendar",
        "owner/change_id",
        "Change",
        "receive",
        "Declared changes of the DCC and of Users; a record without a value withdraws the change.",
        {"partitions": 1, **COMPACTED},
    ),
    Topic("impact-alerts", "alert_id", "Alert", "send", "Every alert, for the triage desk."),
    Topic("impact-alerts.{user}", "alert_id", "Alert", "send", "One User's own alerts, redacted, with revisions of their own numbering."),
    Topic("impact-incidents", "incident_id", "Incident", "send", "Every incident, for the triage desk."),
    Topic("change-reports", "owner/change_id", "ChangeReport", "send", "What each change did, after its window and settling time."),
    Topic("dead-letters", "source", "DeadLetter", "send", "Input that could not be used, and the reason."),
)


def asyncapi(version: str) -> dict[str, Any]:
    """The AsyncAPI 3 document of version `version` of Highwater."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Highwater",
            "version": version,
            "description": "Message traffic, queues and declared changes in; correlated alerts, incidents and change reports out.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {_name(topic): _channel(topic) for topic in TOPICS},
        "operations": {f"{topic.action}_{_name(topic)}": _operation(topic) for topic in TOPICS},
        "components": {
            "messages": {topic.model: _message(topic) for topic in TOPICS},
            "schemas": definitions("#/components/schemas/{model}"),
        },
    }


def _name(topic: Topic) -> str:
    return topic.address.replace(".{user}", "_of_a_user").replace(".", "_").replace("-", "_")


def _channel(topic: Topic) -> dict[str, Any]:
    parameters = {"user": {"description": "DCC User ID"}} if "{user}" in topic.address else {}
    return {
        "address": topic.address,
        "description": topic.text,
        **({"parameters": parameters} if parameters else {}),
        "messages": {topic.model: {"$ref": f"#/components/messages/{topic.model}"}},
        **({"bindings": {"kafka": {**topic.settings, "bindingVersion": "0.5.0"}}} if topic.settings else {}),
    }


def _operation(topic: Topic) -> dict[str, Any]:
    channel = f"#/channels/{_name(topic)}"
    return {
        "action": topic.action,
        "channel": {"$ref": channel},
        "summary": topic.text,
        "messages": [{"$ref": f"{channel}/messages/{topic.model}"}],
    }


def _message(topic: Topic) -> dict[str, Any]:
    one = {"$ref": f"#/components/schemas/{topic.model}"}
    framed = topic.model in ("TrafficEvent", "QueueEvent")
    return {
        "name": topic.model,
        "contentType": "application/json",
        "summary": "One event, or an array of them (a frame: one scrape of many series)." if framed else topic.text,
        "payload": {"oneOf": [one, {"type": "array", "items": one}]} if framed else one,
        "bindings": {"kafka": {"key": {"type": "string", "description": topic.key}, "bindingVersion": "0.5.0"}},
    }
