# SPDX-License-Identifier: MIT
"""What fedora-messaging leaves open: how long it waits before it reconnects, and messages that it can't read at all.

Both consumers call `steady()`, who only publishes `bound_pauses()`; where the installed version has other names, it says
so and leaves it at that.
"""

from __future__ import annotations

import importlib
import logging
from typing import Any

from fedora_messaging import exceptions

_log = logging.getLogger(__name__)
LONGEST_PAUSE = 20.0
"""Seconds between two tries to reach the broker; Twisted's own limit is an hour."""
_FACTORY = ("fedora_messaging.twisted.factory", "FedoraMessagingFactoryV2", "maxDelay")
_READER = ("fedora_messaging.twisted", "consumer", "get_message")


def steady() -> None:
    """Bounds the reconnecting of this process, and has what can't be read refused instead of ending the process."""
    bound_pauses()
    _refuse_unreadable()


def bound_pauses() -> None:
    """Bounds the reconnecting of this process, whether it consumes or publishes."""
    if (factory := _holder(*_FACTORY)) is not None:
        factory.maxDelay = min(factory.maxDelay, LONGEST_PAUSE)


def _refuse_unreadable() -> None:
    consumer = _holder(*_READER)
    if consumer is None or hasattr(consumer.get_message, "of_ondemand"):
        return
    read = consumer.get_message

    def get_message(*words: Any) -> Any:
        """A nest too deep, an unknown encoding or a header of the wrong type: never worth a crash and coming again."""
        try:
            return read(*words)
        except exceptions.ValidationError:
            raise
        except Exception as error:
            _log.error("a message can't be read at all (%s: %s)", type(error).__name__, str(error)[:200])
            raise exceptions.ValidationError(error) from error

    get_message.of_ondemand = True  # type: ignore[attr-defined]
    consumer.get_message = get_message


def _holder(module: str, name: str, attribute: str) -> Any:
    """What has that attribute; None, with a line in the log, where this version of fedora-messaging has not."""
    try:
        holder = getattr(importlib.import_module(module), name)
        getattr(holder, attribute)
    except (ImportError, AttributeError) as error:
        _log.error(
            "this version of fedora-messaging has no %s.%s.%s (%s): after a long outage of the broker, or a broken message, "
            "restart this process", module, name, attribute, error,
        )
        return None
    return holder
