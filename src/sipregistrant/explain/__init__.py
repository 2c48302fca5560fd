"""Why a registration is as it is, in words: pure functions of what is known of it, and of the time.

facts (of a row, and of what the engine has seen of its server) -> cause (a table of outcomes) -> explanation (sentences)
"""
