"""The steps from one schema of the store to the next, for Alembic.

Each is a module in ``versions``; a new one follows the last, and ``tables.HEAD`` names it.
"""
