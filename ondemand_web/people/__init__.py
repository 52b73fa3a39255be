# SPDX-License-Identifier: MIT
"""Who asks, and what he may."""
