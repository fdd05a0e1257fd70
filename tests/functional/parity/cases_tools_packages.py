"""Drift of the packages of VMware Tools."""

CASES = []
LIVE_CURES = {"tools-installed"}
