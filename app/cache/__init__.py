"""Answers given before, served again only where nothing about them is in doubt."""
