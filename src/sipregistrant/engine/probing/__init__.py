"""Single questions to a registrar, outside the schedule: would this register, and what does it hold? Nothing is written."""
