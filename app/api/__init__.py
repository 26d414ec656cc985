"""HTTP: the only package that knows about FastAPI and status codes."""
