// Topics and subscriptions over API 3.0.
'use strict';

const assert = require('assert').strict;

const {refused} = require('./refused');

async function exercise(tdmq, cmq) {
  const {TopicId} = await tdmq.CreateCmqTopic({TopicName: 'news', MsgRetentionSeconds: 3600});
  assert.match(TopicId, /^topic-/);
  await tdmq.CreateCmqQueue({QueueName: 'inbox'});
  const names = {TopicName: 'news', SubscriptionName: 'all'};
  const made = await tdmq.CreateCmqSubscribe(
      {...names, Protocol: 'queue', Endpoint: 'inbox', NotifyContentFormat: 'SIMPLIFIED',
        NotifyStrategy: 'BACKOFF_RETRY', FilterTag: ['red']});
  assert.match(made.SubscriptionId, /^subsc-/);

  let page = await tdmq.DescribeCmqSubscriptionDetail({TopicName: 'news', Offset: 0, Limit: 10});
  assert.equal(page.TotalCount, 1);
  assert.deepEqual(page.SubscriptionSet[0].FilterTags, ['red']);
  assert.equal(page.SubscriptionSet[0].NotifyStrategy, 'BACKOFF_RETRY');
  assert.equal(page.SubscriptionSet[0].Endpoint, 'inbox');

  const sent = await tdmq.PublishCmqMsg({TopicName: 'news', MsgContent: 'x', MsgTag: ['red']});
  assert.equal(sent.Result, true);
  await refused('FailedOperation',
      () => tdmq.PublishCmqMsg({TopicName: 'news', MsgContent: 'x', MsgTag: ['blue']}));

  await tdmq.ModifyCmqSubscriptionAttribute({...names, FilterTags: ['blue']});
  page = await tdmq.DescribeCmqSubscriptionDetail({...names});
  assert.deepEqual(page.SubscriptionSet[0].FilterTags, ['blue']);
  await tdmq.ClearCmqSubscriptionFilterTags(names);

  await tdmq.ModifyCmqTopicAttribute({TopicName: 'news', MaxMsgSize: 2048});
  const {TopicDescribe: topic} = await tdmq.DescribeCmqTopicDetail({TopicName: 'news'});
  assert.equal(topic.MaxMsgSize, 2048);
  assert.equal(topic.MsgRetentionSeconds, 3600);
  const list = await tdmq.DescribeCmqTopics({Offset: 0, Limit: 10});
  assert.deepEqual(list.TopicList.map((one) => one.TopicId), [TopicId]);
  const old = await cmq.DescribeTopicDetail({TopicName: 'news'});
  assert.equal(old.TopicSet[0].TopicId, TopicId);

  await refused('ResourceInUse', () => tdmq.DeleteCmqTopic({TopicName: 'news'}));
  await tdmq.DeleteCmqSubscribe(names);
  await tdmq.DeleteCmqTopic({TopicName: 'news'});
  await tdmq.DeleteCmqQueue({QueueName: 'inbox'});
}

module.exports = {exercise};
