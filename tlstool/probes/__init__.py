"""What `connect` finds out with more than one handshake, or with an unusual one."""
