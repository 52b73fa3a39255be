# SPDX-License-Identifier: MIT
"""What the bus brings: facts, the rules that judge them, and the builds that these order."""
