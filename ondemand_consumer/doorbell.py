# SPDX-License-Identifier: MIT
"""Rings the builder's bell for every message. Builds nothing, so no fault of the bus can end a build."""

from __future__ import annotations

import logging
import socket
from typing import Any

from fedora_messaging import config

from ondemand import bus

_log = logging.getLogger(__name__)
DEFAULT_BELL = "/run/ondemand/bell.sock"


class Consumer:
    """The callback for `fedora-messaging consume --callback=ondemand_consumer.doorbell:Consumer`.

    `consumer_config.bell` in fedora-messaging's configuration names the builder's socket.
    """

    def __init__(self) -> None:
        bus.steady()
        self.bell = str(config.conf["consumer_config"].get("bell") or DEFAULT_BELL)

    def __call__(self, message: Any) -> None:
        """Sends one datagram and returns, which acknowledges; a builder that does not listen polls."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
                sender.sendto(b"ring", self.bell)
        except OSError as error:
            _log.info("nobody heard the bell %s (%s); the builder polls", self.bell, error.strerror or error)
