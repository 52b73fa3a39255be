# SPDX-License-Identifier: MIT
"""The master: Flask API and pages, SQLAlchemy, queue, solver, dispatcher, outbox."""
