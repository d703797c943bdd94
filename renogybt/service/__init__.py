"""Running as a daemon: signals, logging, files that survive a power cut."""
