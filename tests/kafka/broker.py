"""One real Apache Kafka broker (KRaft) on free ports of this machine; `python -m tests.kafka.broker` keeps one until Ctrl-C."""

import argparse
import base64
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from types import TracebackType

from tests.kafka.jars import jars

ADMIN, PASSWORD = "admin", "admin-secret"
STORE_PASSWORD = "for-tests-only"  # noqa: S105  # of a key store that lives as long as one test run
START_LIMIT_S = 180.0
BROKER_MAIN = "kafka.Kafka"


class Broker:
    """A broker and its controller in one JVM; kill, freeze and start it again on the same data as often as you like.

    `secured` adds SASL/SCRAM over TLS on its client listener and the StandardAuthorizer, with `ADMIN` allowed everything.
    `short_lived` starts at little more than half of the processor time and serves a little slower: for tests, not for measuring.
    """

    def __init__(
        self, *, secured: bool = False, heap_mb: int = 512, properties: dict[str, str] | None = None, short_lived: bool = False
    ) -> None:
        self.secured = secured
        self._short_lived = short_lived
        self.home = Path(tempfile.mkdtemp(prefix="highwater-kafka-"))
        self._heap_mb = heap_mb
        self._ports = _free_ports(3)
        self._process: subprocess.Popen[bytes] | None = None
        self._properties = properties or {}
        self.bootstrap = f"127.0.0.1:{self._ports[0]}"
        self.ca_file = self.home / "ca.pem"

    @property
    def pid(self) -> int:
        """Of the JVM."""
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> "Broker":
        self._write_properties()
        if self.secured:
            self._make_certificate()
        self._run_tool("kafka.tools.StorageTool", "format", "-t", _cluster_id(), "-c", str(self.home / "server.properties"), *self._users())
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    def start(self) -> None:
        """Starts the broker on the data it has, and waits until it answers."""
        with (self.home / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(self._java(BROKER_MAIN, str(self.home / "server.properties")), stdout=log, stderr=log)
        until = time.monotonic() + START_LIMIT_S
        while not _listens(self._ports[0]):
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the broker did not start: {(self.home / 'broker.log').read_text()[-2000:]}")
            time.sleep(0.1)

    def kill(self) -> None:
        """As a power cut would."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def freeze(self) -> None:
        """Stops it without ending it: every call to it hangs."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def _java(self, main: str, *arguments: str) -> list[str]:
        options = [f"-Xmx{self._heap_mb}m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-XX:+UseSerialGC"]
        if self._short_lived or main != BROKER_MAIN:
            options.append("-XX:TieredStopAtLevel=1")
        return ["java", *options, "-cp", f"{jars()}/*", main, *arguments]

    def _run_tool(self, main: str, *arguments: str) -> None:
        done = subprocess.run(self._java(main, *arguments), capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise RuntimeError(f"{main} failed: {done.stdout[-1000:]} {done.stderr[-1000:]}")

    def _users(self) -> list[str]:
        return ["--add-scram", f"SCRAM-SHA-512=[name={ADMIN},password={PASSWORD}]"] if self.secured else []

    def _write_properties(self) -> None:
        client, internal, controller = self._ports
        names = "CLIENT:SASL_SSL" if self.secured else "CLIENT:PLAINTEXT"
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": f"CLIENT://127.0.0.1:{client},INTERNAL://127.0.0.1:{internal},CONTROLLER://127.0.0.1:{controller}",
            "listener.security.protocol.map": f"{names},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "INTERNAL",
            "log.dirs": str(self.home / "data"),
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.num.partitions": "4",
            "group.initial.rebalance.delay.ms": "0",
            "auto.create.topics.enable": "false",
            "num.partitions": "4",
        }
        if self.secured:
            settings |= {
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "super.users": f"User:{ADMIN};User:ANONYMOUS",  # nobody is anonymous but the broker itself, on its own loopback listeners
                "sasl.enabled.mechanisms": "SCRAM-SHA-512",
                "ssl.keystore.location": str(self.home / "broker.p12"),
                "ssl.keystore.type": "PKCS12",
                "ssl.keystore.password": STORE_PASSWORD,
                "listener.name.client.scram-sha-512.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
            }
        settings |= self._properties
        (self.home / "server.properties").write_text("".join(f"{key}={value}\n" for key, value in settings.items()))

    def _make_certificate(self) -> None:
        store = ["-keystore", str(self.home / "broker.p12"), "-storetype", "PKCS12", "-storepass", STORE_PASSWORD, "-alias", "broker"]
        name = ["-dname", "CN=highwater-test", "-ext", "SAN=IP:127.0.0.1,DNS:localhost", "-ext", "BC=ca:true", "-validity", "2"]
        subprocess.run(["keytool", "-genkeypair", "-keyalg", "EC", *store, *name], check=True, capture_output=True)
        subprocess.run(["keytool", "-exportcert", "-rfc", *store, "-file", str(self.ca_file)], check=True, capture_output=True)


def _cluster_id() -> str:
    # The first letter is never "-", which the tool would take for an option.
    return base64.urlsafe_b64encode(b"\0" + uuid.uuid4().bytes[1:]).decode().rstrip("=")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main() -> None:
    """Runs a broker until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="make kafka ARGS=…", description=main.__doc__)
    parser.add_argument("--secured", action="store_true", help=f"SASL_SSL with SCRAM and ACLs; user {ADMIN}, password {PASSWORD}")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    with Broker(secured=chosen.secured) as broker:
        print(f"Kafka listens on {broker.bootstrap}; stop it with Ctrl-C", flush=True)
        if broker.secured:
            print(f"its certificate's authority: {broker.ca_file}", flush=True)
        print(f"export HIGHWATER_KAFKA__BOOTSTRAP_SERVERS={broker.bootstrap} HIGHWATER_KAFKA__REPLICATION_FACTOR=1", flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            print("stopping", flush=True)


if __name__ == "__main__":
    main()
