// main.js URL KEY_ID KEY_SECRET: runs every action both clients have against a running server.
'use strict';

const assert = require('assert').strict;

const {generic, typed} = require('./clients');
const queues = require('./queues');
const topics = require('./topics');

const patience = 120000;

const [url, keyId, keySecret] = process.argv.slice(2);
const server = {host: new URL(url).host, keyId, keySecret};

async function refusesWrongSecrets() {
  for (const make of [generic, typed]) {
    const reply = await make({...server, keySecret: 'wrong'}).ask('ListQueue', {});
    assert.equal(reply.code, 4100, JSON.stringify(reply));
  }
}

async function main() {
  await refusesWrongSecrets();
  for (const client of [generic(server), typed(server)]) {
    await queues.exercise(client);
    console.log(`${client.name}: queues ok`);
    await topics.exercise(client);
    console.log(`${client.name}: topics ok`);
  }
}

// A client may wait for ever after a failure.
setTimeout(() => {
  console.error('not done in time');
  process.exit(1);
}, patience).unref();

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
