"""Power devices read on schedule: register plans, lines, hubs, and what is believed of their values."""
