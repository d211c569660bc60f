// An endpoint of Node's own HTTP/2 (HTTP/1.1 to who asks for no other): http2_receiver.js CERT KEY
// [STREAMS]. Says its port, then one line of JSON for each request that came whole. /slow answers
// after 50 ms; STREAMS: a session is sent away by GOAWAY after so many requests.
'use strict';
const fs = require('fs');
const http2 = require('http2');

const [cert, key, streams] = process.argv.slice(2);
const slow_ms = 50;
let sessions = 0;

function say(document) {
  process.stdout.write(`${JSON.stringify(document)}\n`);
}

const server = http2.createSecureServer(
  { allowHTTP1: true, cert: fs.readFileSync(cert), key: fs.readFileSync(key) },
  (request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const { session } = request.stream ?? {};
      say({
        version: request.httpVersion,
        session: session?.number ?? 0,
        path: request.url,
        fields: Object.fromEntries(Object.entries(request.headers)),
        body: Buffer.concat(chunks).toString(),
      });
      if (session) {
        session.taken += 1;
        if (session.taken === Number(streams)) session.close();
      }
      const answer = () => response.writeHead(200, { 'content-type': 'text/plain' }).end('ok');
      if (request.url === '/slow') setTimeout(answer, slow_ms);
      else answer();
    });
  },
);
server.on('session', (session) => {
  sessions += 1;
  session.number = sessions;
  session.taken = 0;
});
server.listen(0, '127.0.0.1', () => say({ port: server.address().port }));
