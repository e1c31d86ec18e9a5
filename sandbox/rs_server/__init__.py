"""RS-Server: station facades and the catalogue."""
