"""What the service notices and tells by itself: alarms, changes as events, and webhooks that carry them.

look (store) -> conditions -> alarms -> events -> whoever listens
"""
