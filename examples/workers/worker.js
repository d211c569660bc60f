#!/usr/bin/env node
// penstock sub add events enrich --window 16 --worker node worker.js
const readline = require('node:readline');
const reply = require('node:fs').createWriteStream(null, { fd: Number(process.env.PENSTOCK_REPLY_FD) });
const say = (frame) => reply.write(JSON.stringify(frame) + '\n');
readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, event } = JSON.parse(line);
  say({ type: 'publish', id, topic: 'enriched', json: { of: event.id, length: event.body.length } });
  say({ id, ok: true });
});
