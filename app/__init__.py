"""The service: what one request does, and the edges around it."""
