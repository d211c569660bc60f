// npm cloudevents reads what every mode pushes.
'use strict';

const assert = require('assert').strict;

const {HTTP} = require('cloudevents');
const {listen} = require('../clients/receiver');

const patience = 10000;
const order = {order_id: 4711, amount: 12.5, note: '\u4f60\u597d'};

function check(event, sent) {
  event.validate();
  assert.equal(event.specversion, '1.0');
  assert.equal(event.id, sent.id);
  assert.equal(event.source, '//penstock/default/events');
  assert.equal(event.type, 'paid');
  assert.equal(event.partitionkey, '4711');
  assert.equal(Number(event.penstockattempt), 1);
  assert.match(event.sequence, /^[0-9]{20}$/);
  assert.ok(Math.abs(Date.parse(event.time) - Date.now()) < 60000);
}

// What one subscription of that format gets of a message.
async function push(penstock, format, body) {
  const receiver = await listen();
  try {
    await penstock.run('sub', 'add', 'events', 'web', '--http', receiver.url, '--format', format);
    const shown = await penstock.run('sub', 'info', 'events/web');
    assert.equal(shown.format, format);
    const sent = await penstock.run(
      'topic', 'publish', 'events', body, '--tag', 'paid', '--ordering-key', '4711');
    const [pushed] = await receiver.take(1, patience);
    await penstock.run('sub', 'delete', 'events/web', '--yes');
    return {sent, pushed};
  } finally {
    receiver.close();
  }
}

async function json(penstock, format) {
  const {sent, pushed} = await push(penstock, format, JSON.stringify(order));
  const read = HTTP.toEvent(pushed);
  const event = format === 'cloudevents-batch' ? read[0] : read;
  if (format === 'cloudevents-batch') assert.equal(read.length, 1);
  check(event, sent);
  assert.equal(event.datacontenttype, 'application/json');
  assert.deepEqual(event.data, order);
}

async function text(penstock, format) {
  const {sent, pushed} = await push(penstock, format, 'plain words');
  const event = HTTP.toEvent(pushed);
  check(event, sent);
  assert.equal(event.datacontenttype, 'text/plain');
  assert.equal(event.data, 'plain words');
}

async function scf(penstock) {
  const {sent, pushed} = await push(penstock, 'scf', JSON.stringify(order));
  assert.equal(pushed.headers['content-type'], 'application/json');
  const {Records: [{CMQ: record}]} = JSON.parse(pushed.body);
  assert.equal(record.msgId, sent.id);
  assert.equal(record.msgTag, 'paid');
  assert.deepEqual(JSON.parse(record.msgBody), order);
}

async function exercise(penstock) {
  await penstock.run('topic', 'create', 'events');
  for (const format of ['cloudevents', 'cloudevents-structured', 'cloudevents-batch']) {
    await json(penstock, format);
  }
  await text(penstock, 'cloudevents');
  await text(penstock, 'cloudevents-structured');
  await scf(penstock);
}

module.exports = {exercise};
