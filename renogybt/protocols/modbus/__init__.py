"""Modbus RTU as a client speaks it: read registers, write one register, without I/O."""
