"""What a registrar will see: the engine itself in virtual time, against a modelled network and registrar.

`scenario.py` says what is played, `ours.py` plays it with the engine, `peers.py` with policies that others have, `report.py`
reckons what came of it, `picture.py` draws it. Nothing here opens a socket or waits.
"""
