"""The rules of `mobilenet check`, a file for each subject. check.py puts them together."""
