# SPDX-License-Identifier: MIT
"""A real RabbitMQ that knows its clients by certificate alone, as Fedora's does, and the doorbell with the shipped example."""

from __future__ import annotations

import json
import pathlib
import socket
import ssl
import subprocess
from collections.abc import Iterator

import pika
import pytest

from ondemand_web import private_broker
from tests import command_parts, service_parts
from tests.service_parts import soon

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "config" / "fedora-messaging" / "doorbell.toml.example"
TOPIC = "org.fedoraproject.prod.ondemand.build.requested"
FOLDER = "/etc/fedora-messaging/"
LOCKED = 405
"""AMQP's answer to who asks for another connection's exclusive queue."""
USER = {"name": "ondemand", "password_hash": "", "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ""}
MAY = {"user": "ondemand", "vhost": "/pubsub", "configure": ".*", "write": ".*", "read": ".*"}
DEFINITIONS = {"vhosts": [{"name": "/pubsub"}], "users": [USER], "permissions": [MAY]}
CONFIGURATION = """
listeners.ssl.1 = 127.0.0.1:{port}
ssl_options.cacertfile = {folder}/cacert.pem
ssl_options.certfile = {folder}/server-cert.pem
ssl_options.keyfile = {folder}/server-key.pem
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
auth_mechanisms.1 = EXTERNAL
ssl_cert_login_from = common_name
load_definitions = {folder}/definitions.json
"""


def certify(folder: pathlib.Path, name: str, *words: str, key: str = "") -> None:
    """A key and a certificate of that name, by the test's own authority; without further words the authority itself."""
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    files = ["-subj", f"/CN={name}", "-keyout", f"{key or name}-key.pem", "-out", f"{key or name}-cert.pem"]
    subprocess.run([*argv, *files, *words], cwd=folder, check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """An authority, the broker's certificate, and that of a client, under the names of the example."""
    folder = tmp_path_factory.mktemp("certificates")
    certify(folder, "authority")
    (folder / "authority-cert.pem").rename(folder / "cacert.pem")
    signed = ("-CA", "cacert.pem", "-CAkey", "authority-key.pem", "-addext", "basicConstraints=critical,CA:FALSE")
    certify(folder, "localhost", *signed, "-addext", "subjectAltName=DNS:localhost", key="server")
    certify(folder, "ondemand", *signed)
    (folder / "definitions.json").write_text(json.dumps(DEFINITIONS))
    return folder


@pytest.fixture(scope="module")
def speaking(
    certificates: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[private_broker.PrivateBroker, int]]:
    """The broker, and the port where it speaks TLS."""
    broker, found = private_broker.PrivateBroker(tmp_path_factory.mktemp("tls-broker")), private_broker.free_port()
    broker.files["enabled_plugins"] = "[rabbitmq_auth_mechanism_ssl].\n"
    broker.files["rabbitmq.conf"] = CONFIGURATION.format(port=found, folder=certificates)
    broker.start()
    yield broker, found
    broker.stop()


@pytest.fixture
def port(speaking: tuple[private_broker.PrivateBroker, int]) -> int:
    """Where the broker speaks TLS."""
    return speaking[1]


def connect(port: int, certificates: pathlib.Path, *, proven: bool = True) -> pika.BlockingConnection:
    """A connection as the example makes it, or one without a certificate."""
    context = ssl.create_default_context(cafile=str(certificates / "cacert.pem"))
    if proven:
        context.load_cert_chain(certificates / "ondemand-cert.pem", certificates / "ondemand-key.pem")
    options, credentials = pika.SSLOptions(context, "localhost"), pika.credentials.ExternalCredentials()
    return pika.BlockingConnection(pika.ConnectionParameters("localhost", port, "/pubsub", credentials, ssl_options=options))


@pytest.fixture
def bell(tmp_path: pathlib.Path) -> Iterator[socket.socket]:
    """Where a builder would listen."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "bell.sock"))
        made.settimeout(20)
        yield made


@pytest.fixture
def doorbell(port: int, certificates: pathlib.Path, bell: socket.socket, tmp_path: pathlib.Path) -> Iterator[service_parts.Process]:
    """The real consumer with the example, in which names alone are changed."""
    text = EXAMPLE.read_text().replace("rabbitmq.fedoraproject.org", f"localhost:{port}").replace(FOLDER, f"{certificates}/")
    (tmp_path / "doorbell.toml").write_text(text.replace("/run/ondemand/bell.sock", bell.getsockname()))
    words = (service_parts.FEDORA_MESSAGING, "--conf", str(tmp_path / "doorbell.toml"), "consume")
    made = service_parts.Process(words, tmp_path / "doorbell.log", command_parts.environment())
    made.start()
    yield made
    made.stop()


@pytest.mark.skipif(not private_broker.installed(), reason="needs rabbitmq-server")
def test_a_doorbell_that_proves_itself_by_its_certificate_rings(
    doorbell: service_parts.Process, port: int, certificates: pathlib.Path, bell: socket.socket
) -> None:
    assert soon(lambda: "Successfully registered" in doorbell.output, 60), doorbell.output
    ring(port, certificates, doorbell)
    assert bell.recv(16)


@pytest.mark.skipif(not private_broker.installed(), reason="needs rabbitmq-server")
def test_the_doorbell_has_its_exclusive_queue_again_after_a_crash_of_the_broker(
    doorbell: service_parts.Process,
    speaking: tuple[private_broker.PrivateBroker, int],
    certificates: pathlib.Path,
    bell: socket.socket,
) -> None:
    broker, port = speaking
    assert soon(lambda: "Successfully registered" in doorbell.output, 60), doorbell.output
    pid = doorbell.pid
    broker.kill()
    broker.start()
    assert soon(lambda: doorbell.output.count("Successfully registered") > 1, 60), doorbell.output
    ring(port, certificates, doorbell)
    assert bell.recv(16) and doorbell.pid == pid


def ring(port: int, certificates: pathlib.Path, doorbell: service_parts.Process) -> None:
    """Publishes what the doorbell waits for, once its queue is there."""
    with connect(port, certificates) as connection:
        assert soon(lambda: _taken(connection), 30), doorbell.output
        properties = pika.BasicProperties(message_id="m-1", content_type="application/json")
        connection.channel().basic_publish("amq.topic", TOPIC, b"{}", properties)


def _taken(connection: pika.BlockingConnection) -> bool:
    """Whether the doorbell's queue is there, and is another connection's alone."""
    try:
        connection.channel().queue_declare("ondemand.doorbell.CHANGE-ME", passive=True)
    except pika.exceptions.ChannelClosedByBroker as error:
        return bool(error.reply_code == LOCKED)
    return False


@pytest.mark.skipif(not private_broker.installed(), reason="needs rabbitmq-server")
def test_who_has_no_certificate_is_not_let_in(port: int, certificates: pathlib.Path) -> None:
    with pytest.raises((pika.exceptions.AMQPConnectionError, ssl.SSLError)):
        connect(port, certificates, proven=False)
