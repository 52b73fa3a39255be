# SPDX-License-Identifier: MIT
"""Each build's history, and its delivery to bus and mail."""
