"""The bodies of the HTTP triggers: parse, authorise, answer."""
