# SPDX-License-Identifier: MIT
"""The plugins that come with the service; found by entry point, as a stranger's would be."""
