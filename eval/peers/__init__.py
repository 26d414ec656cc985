"""Compares our retrieval with other frameworks', each in a process and environment of its own.

`make bench-peers` runs it; eval/peers/README.md says how each framework is set up, and why so.
"""
