"""Importers: what other products keep registered, read from their own files.

`found.py` is the shape of what comes of it; `gathering.py` sorts registrations into servers, and checks them; each product
has a module that knows its files.
"""
