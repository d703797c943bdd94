"""The virtual neighbourhood: adapters, a Renogy hub and other advertisers that share one air.

Runs in the guest, in an environment of its own with Bumble; BlueZ sees ordinary adapters.
"""
