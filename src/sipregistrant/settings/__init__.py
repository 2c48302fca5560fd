"""What `serve` is told: `declared.py` has each setting once, `load.py` where its value comes from and what is wrong with it,
`example.py` writes them all down, `texts.py` reads addresses, networks and names.
"""
