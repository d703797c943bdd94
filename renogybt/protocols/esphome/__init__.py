"""The native API of ESPHome, server side, without I/O."""
