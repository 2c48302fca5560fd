"""`python -m sipregistrant`."""

from .cli.main import app

app()
