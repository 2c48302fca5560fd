"""A SIP registrant: keeps addresses-of-record registered at remote registrars, as many as you have."""

__version__ = "0.1.0"
