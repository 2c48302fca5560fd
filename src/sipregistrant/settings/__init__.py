"""What `serve` is told: `declared.py` has each setting once; `file.py` and `surroundings.py` (the environment, the secrets
directory) read what is said; `load.py` puts it together and finds all that is wrong, in the words of `faults.py`; `example.py`
writes all settings down, `texts.py` reads addresses, networks and names.
"""
