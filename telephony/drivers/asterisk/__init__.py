"""A real Asterisk, spoken to over ARI: commands by HTTP, events by its websocket; the dialplan they rest on is telephony/asterisk."""
