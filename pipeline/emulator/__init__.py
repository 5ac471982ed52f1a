"""Runs a compiled file on this machine, as its backend would; runner.py is the way in."""
