"""Measures the service; nothing here runs while it serves."""
