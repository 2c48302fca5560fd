"""JSON: `app.py` and what it names is /api/v1; `health.py` is for those who watch the service.

Real HTTP statuses; errors are problem documents (`problem.py`, RFC 9457). `gate.py` says who asks, `shapes.py` and `words.py`
how objects look, `schemas.py` how that is described; `objects.py`, `registrations.py`, `imports.py` and `people.py` have the
routes. The command line has the same API on a socket of its own (`unix_socket.py`). The wire API of the SBC Edge is `rest/`.
"""
