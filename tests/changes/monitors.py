"""Monitors that calendars are sent to, as far as the commands ask them."""

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

from changes.files.writer import to_json_array
from tests.changes.builders import END, START, change


class Monitor(http.server.BaseHTTPRequestHandler):
    """Takes change A, refuses the others."""

    seen: list[tuple[str, str | None, Any]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append((self.path, self.headers["Authorization"], body))
        refused = {"status": 409, "detail": "revision 1 stands already"}
        items = [{"status": 201, "change_id": "A"} if one["change_id"] == "A" else refused for one in body]
        answer = json.dumps({"items": items, "withdrawn": [{"owner": "SUP-01", "change_id": "old"}]}).encode()
        self.send_response(201)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 # the name is the library's
        pass


class UsersMonitor(Monitor):
    """Answers with one User's change, and a busy night."""

    def do_GET(self) -> None:
        stands = json.loads(to_json_array([change("C", title="Before", services=["4.8.1"])]))[0]
        if self.path in ("/v1/session", "/v1/changes/SUP-01/C"):
            self.answer({"user": "SUP-01"} if self.path == "/v1/session" else stands, 200)
        else:
            self.answer({"detail": "there is no such change"}, 404)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Monitor.seen.append((self.path, str(self.headers["Authorization"]), body))
        if self.path == "/v1/changes/preview":
            self.answer({"conflicts": [{"text": "this night is busy"}], "free_slots": [{"start": START, "end": END}]}, 200)
        else:
            self.answer({"items": [{"status": 201} for _ in body]}, 201)

    def answer(self, content: Any, status: int) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class HoldingMonitor(UsersMonitor):
    """Holds two changes of SUP-01, and one of which only a summary is shown."""

    def do_GET(self) -> None:
        far = {"planned_start": "2199-01-05T22:00:00Z", "planned_end": "2199-01-05T23:00:00Z"}
        held = json.loads(to_json_array([change("A", **far), change("B", **far)]))
        self.answer({"items": [*held, {"change_id": "S", "owner": "SUP-09", "disruption": None}], "next": None}, 200)


def served(handler: type[Monitor]) -> Iterator[str]:
    Monitor.seen = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()
