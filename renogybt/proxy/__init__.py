"""The ESPHome server that Home Assistant talks to."""
