# SPDX-License-Identifier: MIT
"""The demo distribution: makes it from the host's own packages and serves it as Koji and Bodhi would."""
