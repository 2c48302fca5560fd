"""JSON: `health.py` for those who watch the service, `local.py` for the command line on the same machine.

Real HTTP statuses; errors are problem documents (`problem.py`, RFC 9457). The wire API of the SBC Edge is `rest/`.
"""
