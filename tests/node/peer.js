// A TLS server on Node's tls module, for the tests. It echoes, and prints "ready PORT" when it listens on 127.0.0.1.
//
//	node peer.js CERT KEY [CLIENT_CA]   with the third file it demands a client certificate of that authority
"use strict";

const { readFileSync } = require("node:fs");
const tls = require("node:tls");

const [cert, key, ca] = process.argv.slice(2).map((file) => readFileSync(file));

const server = tls.createServer({ cert, key, ca, requestCert: ca !== undefined }, (socket) => {
  socket.on("error", () => socket.destroy());
  socket.pipe(socket);
});
server.on("tlsClientError", () => {}); // what a client does wrong ends its connection and nothing else
server.listen(0, "127.0.0.1", () => console.log(`ready ${server.address().port}`));
