// A TLS client on Node's tls module, for the tests: sends stdin, and copies the answer to stdout.
//
//	node dial.js OPTIONS   as JSON: port, ca (a file), version ("TLSv1.3"), name, times, and cert and key (files) or null;
//	                       each connection but the first offers the session of the one before
"use strict";

const { readFileSync } = require("node:fs");
const tls = require("node:tls");

const given = JSON.parse(process.argv[2]);
const request = readFileSync(0);
const file = (path) => (path === null ? undefined : readFileSync(path));

function dial(times, session) {
  if (times === 0) return;
  const socket = tls.connect({
    host: "127.0.0.1",
    port: given.port,
    servername: given.name,
    ca: file(given.ca),
    cert: file(given.cert),
    key: file(given.key),
    minVersion: given.version,
    maxVersion: given.version,
    session,
  });
  socket.on("session", (newest) => (session = newest));
  socket.on("secureConnect", () => socket.write(request));
  socket.on("data", (data) => process.stdout.write(data));
  socket.on("error", (error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
  socket.on("close", (failed) => failed || dial(times - 1, session));
}

dial(given.times);
