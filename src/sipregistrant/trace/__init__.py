"""Messages of registrations that are kept for people to look at: masked, bounded, as text, ladder, pcap and HEP.

No socket but the one to the collector, no database, no clock: instants are arguments.
"""
