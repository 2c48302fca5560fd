"""How log events are written: their form, and what of them is masked."""
