// Every queue action, as an application would use it.
'use strict';

const assert = require('assert').strict;

const numbers = ['maxMsgHeapNum', 'pollingWaitSeconds', 'visibilityTimeout', 'maxMsgSize',
  'msgRetentionSeconds', 'createTime', 'lastModifyTime', 'activeMsgNum', 'inactiveMsgNum',
  'rewindSeconds', 'rewindmsgNum', 'rewindMsgNum', 'minMsgTime', 'delayMsgNum'];

// Answers with code 0 (or `code`) and the envelope clients rely on.
async function asked(client, action, parameters, code = 0) {
  const reply = await client.ask(action, parameters);
  const context = `${client.name} ${action}: ${JSON.stringify(reply)}`;
  assert.equal(reply.code, code, context);
  assert.equal(typeof reply.message, 'string', context);
  assert.equal(typeof reply.requestId, 'string', context);
  return reply;
}

async function administer(client, queue, dead) {
  const created = await asked(client, 'CreateQueue', {queueName: dead});
  assert.match(created.queueId, /^queue-/);
  await asked(client, 'CreateQueue', {
    queueName: queue,
    maxMsgHeapNum: 1000000,
    pollingWaitSeconds: 0,
    visibilityTimeout: 60,
    maxMsgSize: 65536,
    msgRetentionSeconds: 3600,
    rewindSeconds: 3600,
    deadLetterPolicy: JSON.stringify({deadLetterQueue: dead, policy: 0, maxReceiveCount: 100}),
  });
  await asked(client, 'CreateQueue', {queueName: queue.toUpperCase(), visibilityTimeout: 1}, 4000);
  const listed = await asked(client, 'ListQueue', {searchWord: client.name, offset: 0, limit: 50});
  assert.deepEqual(listed.queueList.map((item) => item.queueName).sort(), [dead, queue].sort());
  assert.equal(listed.totalCount, 2);
  await asked(client, 'SetQueueAttributes', {queueName: queue, visibilityTimeout: 30});
  const attributes = await asked(client, 'GetQueueAttributes', {queueName: queue});
  for (const name of numbers) assert.equal(typeof attributes[name], 'number', name);
  assert.equal(attributes.visibilityTimeout, 30);
  assert.equal(attributes.rewindSeconds, 3600);
  assert.equal(JSON.parse(attributes.deadLetterPolicy).maxReceiveCount, 100);
}

async function consume(client, queue) {
  const body = 'text & more=1 + 100% "quoted" \u4f60\u597d \u{1F600}\n';
  const sent = await asked(client, 'SendMessage', {queueName: queue, msgBody: body});
  assert.match(sent.msgId, /^\d+$/);
  const received = await asked(client, 'ReceiveMessage', {queueName: queue});
  assert.equal(received.msgBody, body);
  assert.equal(received.msgId, sent.msgId);
  assert.match(received.receiptHandle, /^\d+$/);
  assert.equal(received.dequeueCount, 1);
  for (const name of ['enqueueTime', 'nextVisibleTime', 'firstDequeueTime']) {
    assert.ok(Math.abs(received[name] - Date.now() / 1000) < 120, name);
  }
  const nothing = await asked(client, 'ReceiveMessage', {queueName: queue}, 7000);
  assert.equal(nothing.message, '(10200)no message');
  const handle = {queueName: queue, receiptHandle: received.receiptHandle};
  await asked(client, 'DeleteMessage', handle);
  await asked(client, 'DeleteMessage', handle, 4430);
}

async function consumeBatches(client, queue) {
  const msgBody = Array.from({length: 16}, (_, at) => `body ${at}`);
  const sent = await asked(client, 'BatchSendMessage', {queueName: queue, msgBody});
  assert.equal(sent.msgList.length, 16);
  const bodies = [];
  const receiptHandle = [];
  while (bodies.length < 16) {
    const batch = await asked(client, 'BatchReceiveMessage', {queueName: queue, numOfMsg: 16});
    for (const message of batch.msgInfoList) {
      bodies.push(message.msgBody);
      receiptHandle.push(message.receiptHandle);
    }
  }
  assert.deepEqual(bodies.sort(), msgBody.slice().sort());
  const some = ['1', ...receiptHandle.slice(0, 3)];
  const handles = (receipts) => ({queueName: queue, receiptHandle: receipts});
  const partly = await asked(client, 'BatchDeleteMessage', handles(some), 6010);
  assert.deepEqual(partly.errorList.map((item) => item.receiptHandle), ['1']);
  await asked(client, 'BatchDeleteMessage', handles(receiptHandle.slice(3)));
  await asked(client, 'BatchDeleteMessage', handles(['1', '2']), 6020);
}

async function poll(client, queue) {
  const began = Date.now();
  await asked(client, 'ReceiveMessage', {queueName: queue, pollingWaitSeconds: 1}, 7000);
  const waited = Date.now() - began;
  assert.ok(waited >= 950 && waited < 1500, `a poll of 1 s took ${waited} ms`);
  const woken = asked(client, 'ReceiveMessage', {queueName: queue, pollingWaitSeconds: 10});
  await new Promise((resolve) => setTimeout(resolve, 200));
  const sendBegan = Date.now();
  await asked(client, 'SendMessage', {queueName: queue, msgBody: 'wake up'});
  const message = await woken;
  assert.equal(message.msgBody, 'wake up');
  assert.ok(Date.now() - sendBegan < 1000, 'a long poll wakes when a message comes');
  await asked(client, 'DeleteMessage', {queueName: queue, receiptHandle: message.receiptHandle});
  await asked(client, 'SendMessage', {queueName: queue, msgBody: 'later', delaySeconds: 1});
  await asked(client, 'ReceiveMessage', {queueName: queue}, 7000);
  const late = await asked(client, 'ReceiveMessage', {queueName: queue, pollingWaitSeconds: 5});
  assert.equal(late.msgBody, 'later');
  await asked(client, 'DeleteMessage', {queueName: queue, receiptHandle: late.receiptHandle});
}

async function rewind(client, queue) {
  const attributes = await asked(client, 'GetQueueAttributes', {queueName: queue});
  assert.ok(attributes.rewindMsgNum >= 18, JSON.stringify(attributes));
  const since = Math.floor(Date.now() / 1000) - 60;
  await asked(client, 'RewindQueue', {queueName: queue, startConsumeTime: since});
  const again = await asked(client, 'ReceiveMessage', {queueName: queue});
  assert.match(again.msgBody, /^text & more/, 'in the order of production');
  assert.equal(again.dequeueCount, 1);
}

// What only the generic client can ask for.
async function extensions(client, queue, dead) {
  const sources = await asked(client, 'ListDeadLetterSourceQueues', {deadLetterQueueName: dead});
  assert.deepEqual(sources.queueList.map((item) => item.queueName), [queue]);
  await asked(client, 'DeleteQueue', {queueName: dead}, 4000);
  await asked(client, 'ClearQueue', {queueName: queue});
  await asked(client, 'ReceiveMessage', {queueName: queue}, 7000);
  const route = await asked(client, 'QueryQueueRoute', {queueName: queue});
  assert.ok(Array.isArray(route.addr));
  const once = {queueName: queue, msgBody: 'once', dedupId: 'd1'};
  const first = await asked(client, 'SendMessage', once);
  const second = await asked(client, 'SendMessage', once);
  assert.equal(second.msgId, first.msgId);
  await asked(client, 'SendMessage', {queueName: queue, msgBody: '@not a file'});
  const bodies = (await asked(client, 'BatchReceiveMessage', {queueName: queue, numOfMsg: 16}))
    .msgInfoList.map((message) => message.msgBody);
  assert.deepEqual(bodies.sort(), ['@not a file', 'once']);
  const query = await client.ask('GetQueueAttributes', {queueName: queue}, {method: 'GET'});
  assert.equal(query.code, 0, JSON.stringify(query));
  const root = await client.ask('GetQueueAttributes', {queueName: queue}, {path: '/'});
  assert.equal(root.code, 0, JSON.stringify(root));
}

async function refuse(client, queue) {
  await asked(client, 'SendMessage', {queueName: 'absent', msgBody: 'x'}, 4440);
  await asked(client, 'SendMessage', {queueName: queue, msgBody: ''}, 4000);
  await asked(client, 'SendMessage', {queueName: queue, msgBody: 'x'.repeat(65537)}, 4400);
  await asked(client, 'SendMessage', {queueName: queue, msgBody: 'x', delaySeconds: 3601}, 4000);
  await asked(client, 'ReceiveMessage', {queueName: '1', pollingWaitSeconds: 31}, 4000);
  await asked(client, 'ListQueue', {limit: 51, offset: 0}, 4000);
}

async function exercise(client) {
  const queue = `${client.name}-orders`;
  const dead = `${client.name}-dead`;
  await administer(client, queue, dead);
  await consume(client, queue);
  await consumeBatches(client, queue);
  await poll(client, queue);
  await rewind(client, queue);
  await refuse(client, queue);
  if (client.offers('ClearQueue')) await extensions(client, queue, dead);
  if (client.offers('UnbindDeadLetterQueue')) {
    await asked(client, 'UnbindDeadLetterQueue', {queueName: queue});
    await asked(client, 'DeleteQueue', {queueName: dead});
  }
  await asked(client, 'DeleteQueue', {queueName: queue});
  await asked(client, 'CreateQueue', {queueName: queue}, 6040);
  await asked(client, 'GetQueueAttributes', {queueName: queue}, 4440);
}

module.exports = {asked, exercise};
