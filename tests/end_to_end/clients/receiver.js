// An HTTP endpoint that accepts every push and keeps it.
'use strict';

const http = require('http');

async function listen() {
  const pushes = [];
  const waiting = [];
  const server = http.createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      pushes.push({headers: request.headers, body: Buffer.concat(parts).toString()});
      response.end();
      waiting.splice(0).forEach((wake) => wake());
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const next = () => new Promise((resolve) => waiting.push(resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/push`,
    pushes,
    close: () => { server.close(); server.closeAllConnections(); },
    // The pushes, once there are `count` of them.
    async take(count, patience) {
      const end = Date.now() + patience;
      while (pushes.length < count && Date.now() < end) {
        await Promise.race([next(), new Promise((resolve) => setTimeout(resolve, 50))]);
      }
      return pushes.splice(0);
    },
  };
}

module.exports = {listen};
