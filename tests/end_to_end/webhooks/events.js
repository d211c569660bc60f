// npm cloudevents reads what every mode pushes, and what it sends itself comes back the same.
'use strict';

const assert = require('assert').strict;

const {CloudEvent, HTTP} = require('cloudevents');
const {listen} = require('../clients/receiver');

const patience = 60000;
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

const formats = ['cloudevents', 'cloudevents-structured', 'cloudevents-batch'];

// As a publisher's library makes them. What is no JSON has a type that says so.
function made(id, data, datacontenttype) {
  return new CloudEvent({
    id,
    source: '/shop/%C3%A9t%C3%A9?a=b',
    type: 'com.example.order.paid',
    subject: 'order/4711 \u20ac "quoted"',
    time: '2020-02-29T12:00:00.000Z',
    dataschema: 'https://example.com/order.json',
    datacontenttype,
    data,
    tenant: 'acme',
    sequence: '0000000007',
    partitionkey: '4711',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  });
}

const own = ['id', 'source', 'type', 'subject', 'time', 'dataschema', 'datacontenttype', 'tenant', 'sequence',
  'partitionkey', 'traceparent'];

// Node's library leaves blanks and letters beyond ASCII in headers as they are; the binding does not.
function encoded(headers) {
  const all = Object.entries(headers).map(([name, value]) =>
    [name, name.startsWith('ce-') ? encodeURI(String(value)).replace(/"/g, '%22') : value]);
  return Object.fromEntries(all);
}

const modes = {
  binary: (event) => ({...HTTP.binary(event), headers: encoded(HTTP.binary(event).headers)}),
  structured: HTTP.structured,
  batch: (event) => ({
    headers: {'content-type': 'application/cloudevents-batch+json'},
    body: JSON.stringify([event, event]),
  }),
};

function decoded(pushed) {
  const headers = Object.entries(pushed.headers).map(([name, value]) =>
    [name, name.startsWith('ce-') ? decodeURIComponent(value) : value]);
  const read = HTTP.toEvent({...pushed, headers: Object.fromEntries(headers)});
  return Array.isArray(read) ? read[0] : read;
}

// An event that is sent in one mode is pushed in another, and is the same.
async function comesBack(penstock, mode, format) {
  const receiver = await listen();
  try {
    await penstock.run('sub', 'add', 'events', 'web', '--http', receiver.url, '--format', format);
    const sent = [made(`${mode}-1`, order, 'application/json'), made(`${mode}-2`, 'plain words', 'text/plain')];
    for (const event of sent) {
      const {headers, body} = modes[mode](event);
      const answer = await penstock.post('/v1/topics/events/messages', headers, body);
      const pushed = await receiver.take(mode === 'batch' ? 2 : 1, patience);
      assert.equal(pushed.length, mode === 'batch' ? 2 : 1);
      assert.equal(answer.ids === undefined, mode !== 'batch');
      for (const one of pushed) {
        const back = decoded(one);
        back.validate();
        for (const name of own) assert.equal(back[name], event[name], `${mode} ${format} ${name}`);
        assert.deepEqual(back.data, event.data);
        assert.ok([answer.id, ...(answer.ids || [])].includes(back.penstockid));
      }
    }
    await penstock.run('sub', 'delete', 'events/web', '--yes');
  } finally {
    receiver.close();
  }
}

async function exercise(penstock) {
  await penstock.run('topic', 'create', 'events');
  for (const format of formats) await json(penstock, format);
  await text(penstock, 'cloudevents');
  await text(penstock, 'cloudevents-structured');
  await scf(penstock);
  for (const mode of Object.keys(modes)) {
    for (const format of formats) await comesBack(penstock, mode, format);
  }
}

module.exports = {exercise};
