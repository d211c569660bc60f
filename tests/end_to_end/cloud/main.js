// main.js URL KEY_ID KEY_SECRET: manages a running server with Tencent Cloud's own SDK.
'use strict';

const sdk = require('tencentcloud-sdk-nodejs');

const queues = require('./queues');
const {refused} = require('./refused');
const topics = require('./topics');

const patience = 60000;

const [url, secretId, secretKey] = process.argv.slice(2);

function client(Client, secret) {
  return new Client({
    credential: {secretId, secretKey: secret},
    region: 'ap-guangzhou',
    profile: {httpProfile: {endpoint: new URL(url).host, protocol: 'http://'}},
  });
}

async function main() {
  const Tdmq = sdk.tdmq.v20200217.Client;
  const tdmq = client(Tdmq, secretKey);
  const cmq = client(sdk.cmq.v20190304.Client, secretKey);
  const impostor = client(Tdmq, 'wrong');
  await refused('AuthFailure.SignatureFailure', () => impostor.DescribeCmqQueues({}));
  await queues.exercise(tdmq, cmq);
  console.log('queues over API 3.0: ok');
  await topics.exercise(tdmq, cmq);
  console.log('topics over API 3.0: ok');
}

setTimeout(() => {
  console.error('not done in time');
  process.exit(1);
}, patience).unref();

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
