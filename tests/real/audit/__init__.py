"""Records of the real gateway, sent by syslog over TLS to the real rsyslog."""
