# SPDX-License-Identifier: MIT
"""`ondemand builder`: the build node's command, found through entry point group ondemand.commands."""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer

from ondemand import settings
from ondemand_consumer import worker


def builder(
    once: Annotated[bool, typer.Option("--once", help="End when no build waits.")] = False,
) -> None:
    """Claims builds and makes their images; needs root."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    worker.Worker(settings.load(), lambda line: print(line, flush=True)).run(once=once)
