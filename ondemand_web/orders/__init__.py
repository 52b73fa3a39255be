# SPDX-License-Identifier: MIT
"""Orders by message: what bots ask for on the bus, judged once and answered by message."""
