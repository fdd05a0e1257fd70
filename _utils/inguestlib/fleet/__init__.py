"""The master's side: many reports gathered, counted and shown. Pure functions over plain data."""
