# SPDX-License-Identifier: MIT
"""The build node: `fedora-messaging consume` callbacks (doorbell, trigger) and the builder they wake."""
