# SPDX-License-Identifier: MIT
"""The shared language: request, build, lock, state, error, message, plugin contracts, client, command line."""
