// Every topic and subscription action, pushes included.
'use strict';

const assert = require('assert').strict;

const {asked} = require('./queues');
const {listen} = require('./receiver');

const patience = 10000;

async function administer(client, topic, receiver, queue) {
  const web = {topicName: topic, subscriptionName: 'web'};
  const page = {topicName: topic, offset: 0, limit: 10};
  const created = await asked(client, 'CreateTopic',
    {topicName: topic, maxMsgSize: 65536, filterType: 1});
  assert.match(created.topicId, /^topic-/);
  await asked(client, 'PublishMessage', {topicName: topic, msgBody: 'to nobody'}, 6030);
  const empty = await asked(client, 'ListSubscriptionByTopic', page);
  assert.deepEqual(empty.subscriptionList, []);
  const subscribed = await asked(client, 'Subscribe', {
    ...web,
    protocol: 'http',
    endpoint: receiver.url,
    notifyStrategy: 'BACKOFF_RETRY',
    notifyContentFormat: 'JSON',
    filterTag: ['red', 'blue'],
  });
  assert.match(subscribed.subscriptionId, /^subsc-/);
  await asked(client, 'Subscribe', {
    topicName: topic, subscriptionName: 'copy', protocol: 'queue', endpoint: queue,
    notifyContentFormat: 'SIMPLIFIED',
  });
  const listed = await asked(client, 'ListSubscriptionByTopic', page);
  assert.equal(listed.totalCount, 2);
  const names = listed.subscriptionList.map((item) => item.subscriptionName);
  assert.deepEqual(names.sort(), ['copy', 'web']);
  const shown = await asked(client, 'GetSubscriptionAttributes', web);
  assert.equal(shown.protocol, 'http');
  assert.equal(shown.endpoint, receiver.url);
  assert.equal(shown.notifyStrategy, 'BACKOFF_RETRY');
  assert.deepEqual(shown.filterTag, ['red', 'blue']);
  assert.deepEqual(shown.bindingKey, []);
  assert.equal(typeof shown.topicOwner, 'string');
  const topics = await asked(client, 'ListTopic', {searchWord: client.name, offset: 0, limit: 50});
  assert.ok(topics.topicList.some((item) => item.topicName === topic));
  await asked(client, 'SetTopicAttributes', {topicName: topic, maxMsgSize: 2048});
  const attributes = await asked(client, 'GetTopicAttributes', {topicName: topic});
  assert.equal(attributes.maxMsgSize, 2048);
  assert.equal(attributes.filterType, 1);
  await asked(client, 'DeleteTopic', {topicName: topic}, 4000);
}

async function publish(client, topic, receiver, queue) {
  const body = 'red & \u4f60\u597d';
  const web = {topicName: topic, subscriptionName: 'web'};
  const sent = await asked(client, 'PublishMessage',
    {topicName: topic, msgBody: body, msgTag: ['red']});
  const [push] = await receiver.take(1, patience);
  assert.equal(push.headers['content-type'], 'text/plain');
  assert.equal(push.headers['x-cmq-message-id'], sent.msgId);
  assert.equal(push.headers['x-cmq-message-tag'], 'red');
  const event = JSON.parse(push.body);
  assert.deepEqual(Object.keys(event),
    ['TopicOwner', 'topicName', 'subscriptionName', 'msgId', 'msgBody', 'publishTime']);
  assert.equal(event.topicName, topic);
  assert.equal(event.subscriptionName, 'web');
  assert.equal(event.msgId, sent.msgId);
  assert.equal(event.msgBody, body);
  const copy = await asked(client, 'ReceiveMessage', {queueName: queue, pollingWaitSeconds: 5});
  assert.equal(copy.msgBody, body);
  await asked(client, 'DeleteMessage', {queueName: queue, receiptHandle: copy.receiptHandle});
  const batch = await asked(client, 'BatchPublishMessage',
    {topicName: topic, msgBody: ['one', 'two'], msgTag: ['green']});
  assert.equal(batch.msgList.length, 2);
  await asked(client, 'SetSubscriptionAttributes', {
    ...web, notifyContentFormat: 'SIMPLIFIED', filterTag: ['green'],
  });
  await asked(client, 'PublishMessage', {topicName: topic, msgBody: 'three', msgTag: ['green']});
  const simplified = await receiver.take(1, patience);
  assert.deepEqual(simplified.map((item) => item.body), ['three'], 'not the first green ones');
  await asked(client, 'ClearSubscriptionFilterTags', web);
  await asked(client, 'PublishMessage', {topicName: topic, msgBody: 'untagged'});
  assert.deepEqual((await receiver.take(1, patience)).map((item) => item.body), ['untagged']);
}

async function route(client, topic, receiver) {
  await asked(client, 'CreateTopic', {topicName: topic, filterType: 2});
  await asked(client, 'Subscribe', {
    topicName: topic, subscriptionName: 'web', protocol: 'http', endpoint: receiver.url,
    notifyContentFormat: 'SIMPLIFIED', bindingKey: ['1.*.0', 'a.#'],
  });
  await asked(client, 'PublishMessage',
    {topicName: topic, msgBody: 'unmatched', routingKey: '1.0'}, 6030);
  await asked(client, 'PublishMessage', {topicName: topic, msgBody: 'no key'}, 4000);
  await asked(client, 'PublishMessage', {topicName: topic, msgBody: 'star', routingKey: '1.X.0'});
  await asked(client, 'PublishMessage', {topicName: topic, msgBody: 'hash', routingKey: 'a'});
  const bodies = (await receiver.take(2, patience)).map((item) => item.body);
  assert.deepEqual(bodies.sort(), ['hash', 'star']);
  if (client.offers('QueryTopicRoute')) {
    const reply = await asked(client, 'QueryTopicRoute', {topicName: topic});
    assert.ok(Array.isArray(reply.addr));
  }
  await asked(client, 'Unsubscribe', {topicName: topic, subscriptionName: 'web'});
  await asked(client, 'DeleteTopic', {topicName: topic});
}

async function exercise(client) {
  const receiver = await listen();
  try {
    const topic = `${client.name}-events`;
    const queue = `${client.name}-copies`;
    await asked(client, 'CreateQueue', {queueName: queue});
    await administer(client, topic, receiver, queue);
    await publish(client, topic, receiver, queue);
    const web = {topicName: topic, subscriptionName: 'web'};
    await asked(client, 'Unsubscribe', web);
    await asked(client, 'Unsubscribe', {topicName: topic, subscriptionName: 'copy'});
    await asked(client, 'GetSubscriptionAttributes', web, 4440);
    await asked(client, 'DeleteTopic', {topicName: topic});
    await route(client, `${client.name}-routed`, receiver);
  } finally {
    receiver.close();
  }
}

module.exports = {exercise};
