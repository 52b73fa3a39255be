# SPDX-License-Identifier: MIT
"""The queue of messages that the trigger can't handle: made before anything is dropped into it, and handled anew by hand.

Speaks AMQP itself, since fedora-messaging declares no queue without consuming from it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import ssl
from collections.abc import Callable, Container, Iterator, Mapping
from typing import Any

import pika
import pika.exceptions

from ondemand import errors, triggers
from ondemand.triggers import Heard

TIMEOUT = 10.0
"""Seconds for connecting and for each answer of the broker."""
KEPT = 100_000
"""Messages that the queue keeps where we declare it; beyond that the oldest go."""
LOOKED = 10_000
"""Messages that are looked at at once, whatever becomes of them."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Handled:
    """A message, what became of it, and whether it has left the queue."""

    heard: Heard
    outcome: str
    gone: bool


class ParkedQueue:
    """The queue `name`; `conf` is fedora-messaging's configuration, whose broker and TLS are used."""

    def __init__(self, conf: Mapping[str, Any], name: str) -> None:
        self.name = name
        self._url, self._tls, self._passive = str(conf["amqp_url"]), conf["tls"], bool(conf["passive_declares"])

    def make(self) -> None:
        """Declares it if it is not there, which may be at any time; raises errors.ServiceError where it can't be made."""
        with self._connection() as connection:
            try:
                connection.channel().queue_declare(self.name, passive=True)
            except pika.exceptions.ChannelClosedByBroker:
                if self._passive:
                    raise
                arguments = {"x-max-length": KEPT}
                connection.channel().queue_declare(self.name, durable=True, arguments=arguments)

    def handle(self, handler: Callable[[Heard], str], limit: int, keep: bool = False) -> list[Handled]:
        """Gives messages to `handler`, whose answer is the outcome, until it took `limit`. One that it refuses stays in the
        queue and counts for none, so that it hides nothing behind it. Where `keep` says so all stay, and `limit` counts all;
        any other error ends this, and what was not handled stays."""
        seen: list[Handled] = []
        counted = 0
        with self._waiting() as (channel, waiting):
            for tag, heard in waiting:
                try:
                    seen.append(Handled(heard=heard, outcome=handler(heard), gone=not keep))
                except errors.OndemandError as error:
                    if not triggers.final(error):
                        raise
                    seen.append(Handled(heard=heard, outcome=error.sentence, gone=False))
                if seen[-1].gone:
                    channel.basic_ack(tag)
                counted += keep or seen[-1].gone
                if counted >= limit:
                    break
        return seen

    def drop(self, ids: Container[str]) -> list[Handled]:
        """Throws the messages with these ids away."""
        gone: list[Handled] = []
        with self._waiting() as (channel, waiting):
            for tag, heard in waiting:
                if heard.message_id in ids:
                    channel.basic_ack(tag)
                    gone.append(Handled(heard=heard, outcome="thrown away", gone=True))
        return gone

    @contextlib.contextmanager
    def _waiting(self) -> Iterator[tuple[Any, Iterator[tuple[int, Heard]]]]:
        """A channel and what waits now, with tags; what is not acknowledged is back in its place at the end."""
        with self._connection() as connection:
            channel = connection.channel()
            count = channel.queue_declare(self.name, passive=True).method.message_count

            def messages() -> Iterator[tuple[int, Heard]]:
                for _ in range(min(count, LOOKED)):
                    method, properties, body = channel.basic_get(self.name)
                    if method is None:
                        return
                    yield method.delivery_tag, _heard(method, properties, body)

            yield channel, messages()

    @contextlib.contextmanager
    def _connection(self) -> Iterator[Any]:
        try:
            with contextlib.closing(pika.BlockingConnection(self._parameters())) as connection:
                yield connection
        except (pika.exceptions.AMQPError, OSError) as error:
            raise errors.ServiceError(
                f"The queue {self.name} of parked messages can't be used",
                cause=f"of {type(error).__name__} {str(error)[:200]}",
                remedy="look whether the broker is up, whether the queue is there, and whether this user may use it",
            ) from error

    def _parameters(self) -> Any:
        try:
            parameters = pika.URLParameters(self._url)
        except (TypeError, ValueError) as error:
            raise errors.CannotStart(
                "The broker's address in `amqp_url` can't be read",
                cause="pika wants a colon behind the user, also where no password follows",
                remedy="write it as amqps://USER:@HOST/VHOST, with %2F for a slash in the vhost's name",
            ) from error
        parameters.connection_attempts, parameters.retry_delay = 1, 0
        parameters.socket_timeout = parameters.blocked_connection_timeout = TIMEOUT
        parameters.stack_timeout = 2 * TIMEOUT
        if parameters.ssl_options is not None:
            context = ssl.create_default_context(cafile=self._tls.get("ca_cert"))
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if self._tls.get("certfile") and self._tls.get("keyfile"):
                context.load_cert_chain(self._tls["certfile"], self._tls["keyfile"])
                parameters.credentials = pika.credentials.ExternalCredentials()
            parameters.ssl_options = pika.SSLOptions(context, parameters.host)
        return parameters


def _heard(method: Any, properties: Any, body: bytes) -> Heard:
    """The message as the trigger would have got it; a body that is no JSON stays bytes, which no trigger takes."""
    headers = properties.headers or {}
    topic = method.routing_key
    with contextlib.suppress(LookupError, TypeError):
        topic = headers["x-death"][-1]["routing-keys"][0]  # Its first death is the last of the list.
    read: Any = body
    with contextlib.suppress(ValueError, LookupError, RecursionError):
        read = json.loads(body.decode(properties.content_encoding or "utf-8"))
    return Heard(id=properties.message_id, topic=topic, headers=headers, body=read)
