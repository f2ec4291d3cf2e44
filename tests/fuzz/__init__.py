"""Readers of what strangers send, given whatever a coverage-guided fuzzer comes up with; see `__main__.py`.

A target raises nothing for any bytes whatever, unless there is a mistake to be found in what it calls.
"""
