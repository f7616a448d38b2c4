"""Targets of messages: a name is judged by what it resolves to at each connection, and no answer sends a message elsewhere."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from service.notify.target_policy import refused
from service.parameters import SubscriptionParameters
from tests.service.builders import alert, desk
from tests.service.house import House, until
from tests.service.receiver import Receiver

NAME = "rebound.example.com"


@contextmanager
def internal_service() -> Iterator[tuple[int, list[Any]]]:
    """A service of this machine: its port, and who connected to it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        callers: list[Any] = []

        def serve() -> None:
            while True:
                try:
                    plug, address = server.accept()
                except OSError:
                    return
                callers.append(address)
                plug.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], callers
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::ffff:127.0.0.1"])  # noqa: S104 - as a name may resolve
def test_a_name_that_turns_inwards_after_it_was_subscribed_reaches_no_service_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    resolved: list[str] = []
    really = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *arguments: Any, **more: Any) -> Any:
        if host != NAME:
            return really(host, port, *arguments, **more)
        resolved.append(host)
        family, sockaddr = (socket.AF_INET6, (address, port, 0, 0)) if ":" in address else (socket.AF_INET, (address, port))
        return [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", sockaddr)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with internal_service() as (port, callers), House(tmp_path / "data") as house:
        acme = house.client("user:ACME")
        made = acme.post("/v1/subscriptions", json={"name": "x", "target": f"https://{NAME}:{port}/"})
        assert made.status_code == 201
        for _ in range(3):
            tried = acme.post(f"/v1/subscriptions/{made.json()['id']}/test").json()
            assert tried["delivered"] is False
            assert "private, local or reserved" in tried["error"]
        assert resolved, "the name was resolved"
        assert callers == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_leads_no_message_anywhere(tmp_path: Path, status: int) -> None:
    parameters = SubscriptionParameters(allow_private_targets=True, first_retry_s=0.05)
    with internal_service() as (port, callers), Receiver() as receiver, House(tmp_path / "data", subscriptions=parameters) as house:
        receiver.elsewhere = f"http://127.0.0.1:{port}/"
        receiver.answers.append(status)
        wish = {"name": "x", "target": receiver.url, "wishes": {"severity": "info"}}
        assert house.client("triage").post("/v1/subscriptions", json=wish).status_code == 201
        house.publish(desk(alert("A-1")))
        until(lambda: len(receiver.got) == 2)
        assert callers == []


@pytest.mark.parametrize("address", ["fec0::1", "64:ff9b:1::7f00:1", "5f00::1", "4000::1", "::7f00:1", "::ffff:0:7f00:1", "3fff::1"])
def test_only_addresses_that_are_given_out_to_the_public_are_reached(address: str) -> None:
    assert refused(address)
