"""Running as a daemon: logging, files that survive a power cut."""
