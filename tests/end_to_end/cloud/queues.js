// Queues over API 3.0: made, described, changed, sent to, traced, cleared, rewound, deleted.
'use strict';

const assert = require('assert').strict;

const {refused} = require('./refused');

async function exercise(tdmq, cmq) {
  await tdmq.CreateCmqQueue({QueueName: 'dead'});
  const {QueueId} = await tdmq.CreateCmqQueue({
    QueueName: 'orders', VisibilityTimeout: 45, RewindSeconds: 3600, Trace: true,
    DeadLetterQueueName: 'dead', Policy: 0, MaxReceiveCount: 5,
  });
  assert.match(QueueId, /^queue-/);
  await refused('ResourceInUse', () => tdmq.CreateCmqQueue({QueueName: 'orders'}));

  let {QueueDescribe: queue} = await tdmq.DescribeCmqQueueDetail({QueueName: 'orders'});
  assert.equal(queue.QueueId, QueueId);
  assert.equal(queue.VisibilityTimeout, 45);
  assert.equal(queue.DeadLetterPolicy.DeadLetterQueueName, 'dead');
  assert.ok(Math.abs(queue.CreateTime - Date.now()) < 600000, 'in milliseconds');

  const sent = await tdmq.SendCmqMsg({QueueName: 'orders', MsgContent: 'ün &=1', DelaySeconds: 0});
  assert.equal(sent.Result, true);
  const trace = await tdmq.DescribeMqMsgTrace(
      {Protocol: 'cmq', MsgId: sent.MsgId, QueueName: 'orders'});
  assert.deepEqual(trace.Result.map((one) => one.Stage), ['produce', 'persist', 'consume']);

  await tdmq.ModifyCmqQueueAttribute({QueueName: 'orders', VisibilityTimeout: 60});
  ({QueueDescribe: queue} = await tdmq.DescribeCmqQueueDetail({QueueName: 'orders'}));
  assert.equal(queue.VisibilityTimeout, 60);
  assert.equal(queue.ActiveMsgNum, 1);

  const page = await tdmq.DescribeCmqQueues({Offset: 0, Limit: 10, QueueName: 'ord'});
  assert.deepEqual(page.QueueList.map((one) => one.QueueName), ['orders']);
  const all = await cmq.DescribeQueueDetail({Limit: 10, Offset: 0});
  assert.equal(all.TotalCount, 2);
  const dead = all.QueueSet.find((one) => one.QueueName === 'dead');
  assert.deepEqual(dead.DeadLetterSource, [{QueueId, QueueName: 'orders'}]);

  const named = await cmq.DescribeQueueDetail({Filters: [{Name: 'QueueName', Values: ['ord']}]});
  assert.deepEqual(named.QueueSet.map((one) => one.QueueName), ['orders']);

  await refused('ResourceInUse', () => tdmq.DeleteCmqQueue({QueueName: 'dead'}));
  // The older version names the same queue otherwise; this SDK has no method for it any more.
  for (const unbind of [
    () => cmq.request('UnbindDeadLetter', {QueueName: 'orders'}),
    () => tdmq.UnbindCmqDeadLetter({SourceQueueName: 'orders'}),
  ]) {
    await tdmq.ModifyCmqQueueAttribute(
        {QueueName: 'orders', DeadLetterQueueName: 'dead', Policy: 0, MaxReceiveCount: 5});
    await unbind();
    ({QueueDescribe: queue} = await tdmq.DescribeCmqQueueDetail({QueueName: 'orders'}));
    assert.ok(!queue.DeadLetterPolicy, 'it is unbound');
  }
  await tdmq.RewindCmqQueue(
      {QueueName: 'orders', StartConsumeTime: Math.floor(Date.now() / 1000) - 5});
  await tdmq.ClearCmqQueue({QueueName: 'orders'});
  for (const QueueName of ['orders', 'dead']) await tdmq.DeleteCmqQueue({QueueName});
  await refused('ResourceNotFound', () => tdmq.DescribeCmqQueueDetail({QueueName: 'orders'}));
}

module.exports = {exercise};
