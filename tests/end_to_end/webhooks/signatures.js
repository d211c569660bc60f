// npm standardwebhooks verifies what is signed, node's own crypto the ed25519 signatures.
'use strict';

const assert = require('assert').strict;
const crypto = require('crypto');

const {Webhook, WebhookVerificationError} = require('standardwebhooks');
const {listen} = require('../clients/receiver');

const patience = 60000;
const order = {type: 'paid', data: {order_id: 4711}};

// What a receiver gets of one message.
async function pushes(penstock, topic, receiver, count) {
  const sent = await penstock.run('topic', 'publish', topic, JSON.stringify(order));
  const got = await receiver.take(count, patience);
  assert.equal(got.length, count);
  for (const push of got) assert.equal(push.headers['webhook-id'], sent.id);
  return got;
}

function fails(secret, push) {
  assert.throws(() => new Webhook(secret).verify(push.body, push.headers), WebhookVerificationError);
}

async function hmac(penstock) {
  const receiver = await listen();
  const made = await penstock.run('sub', 'add', 'signed', 'hmac', '--http', receiver.url,
    '--format', 'simplified', '--sign', 'standard-webhooks', '--bearer', 'token-1',
    '--header', 'X-Api-Key: key-1');
  const first = made.secret;
  assert.match(first, /^whsec_/);
  const [push] = await pushes(penstock, 'signed', receiver, 1);
  assert.deepEqual(new Webhook(first).verify(push.body, push.headers), order);
  assert.equal(push.headers.authorization, 'Bearer token-1');
  assert.equal(push.headers['x-api-key'], 'key-1');
  fails(first, {...push, body: push.body.replace('4711', '4712')});

  const {secret: second} = await penstock.run('sub', 'set', 'signed/hmac', '--rotate-secret');
  assert.notEqual(second, first);
  const [both] = await pushes(penstock, 'signed', receiver, 1);
  for (const secret of [first, second]) {
    assert.deepEqual(new Webhook(secret).verify(both.body, both.headers), order);
  }
  const {secret: third} = await penstock.run(
    'sub', 'set', 'signed/hmac', '--rotate-secret', '--overlap', '0s');
  const [last] = await pushes(penstock, 'signed', receiver, 1);
  assert.deepEqual(new Webhook(third).verify(last.body, last.headers), order);
  for (const secret of [first, second]) fails(secret, last);

  const shown = JSON.stringify(await penstock.run('sub', 'info', 'signed/hmac'));
  for (const secret of [first, second, third, 'token-1', 'key-1']) {
    assert.ok(!shown.includes(secret), shown);
  }
  await penstock.run('sub', 'delete', 'signed/hmac', '--yes');
  receiver.close();
}

function verifies(publicKey, {headers, body}) {
  assert.match(publicKey, /^whpk_/);
  const raw = Buffer.from(publicKey.slice('whpk_'.length), 'base64');
  const key = crypto.createPublicKey({
    key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw]),
    format: 'der',
    type: 'spki',
  });
  const [version, signature] = headers['webhook-signature'].split(',');
  assert.equal(version, 'v1a');
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  return crypto.verify(null, Buffer.from(signed), key, Buffer.from(signature, 'base64'));
}

async function ed25519(penstock) {
  const receiver = await listen();
  const made = await penstock.run('sub', 'add', 'signed', 'ed', '--http', receiver.url,
    '--format', 'cloudevents-structured', '--sign', 'standard-webhooks-ed25519');
  assert.equal(made.secret, undefined);
  const [push] = await pushes(penstock, 'signed', receiver, 1);
  const publicKey = made.signing_keys[0].public_key;
  assert.ok(verifies(publicKey, push));
  assert.ok(!verifies(publicKey, {...push, body: `${push.body} `}));
  await penstock.run('sub', 'delete', 'signed/ed', '--yes');
  receiver.close();
}

async function exercise(penstock) {
  await penstock.run('topic', 'create', 'signed');
  await hmac(penstock);
  await ed25519(penstock);
}

module.exports = {exercise};
