"""What a server needs round its accept loop: sockets, certificates, and a way to end."""
