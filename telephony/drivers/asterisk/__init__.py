"""A real Asterisk, spoken to over ARI: commands by HTTP and, where it listens, over the websocket of its events; the dialplan they rest on is telephony/asterisk."""
