"""Passages and a question in, the text of a reply out."""
