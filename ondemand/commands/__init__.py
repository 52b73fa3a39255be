# SPDX-License-Identifier: MIT
"""The command line `ondemand`; commands of other rooms join by entry point."""
