"""`python -m app` is `answerable`."""

from app.cli import main

main()
