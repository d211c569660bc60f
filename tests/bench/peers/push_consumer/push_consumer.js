// What one writes to have messages of RabbitMQ or NATS POSTed: push_consumer.js amqp|nats HOST:PORT
// QUEUE URL CONCURRENCY. Takes a message, POSTs it with keep-alive, acknowledges it on 2xx and puts
// it back otherwise. Says "ready" once it consumes.
'use strict';
const http = require('node:http');

const [kind, endpoint, queue, sink, concurrency] = process.argv.slice(2);
const inFlight = Number(concurrency);
const url = new URL(sink);
const agent = new http.Agent({ keepAlive: true, maxSockets: inFlight, scheduling: 'lifo' });
const retryMs = 1000;

function post(body) {
  const headers = { 'Content-Length': body.length, 'Content-Type': 'application/octet-stream' };
  const { hostname: host, port, pathname: path } = url;
  return new Promise((resolve) => {
    const request = http.request({ agent, host, port, path, method: 'POST', headers }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode >= 200 && response.statusCode < 300));
    });
    request.on('error', () => resolve(false));
    request.end(body);
  });
}

async function amqp() {
  const connection = await require('amqplib').connect(`amqp://guest:guest@${endpoint}?heartbeat=0`);
  const channel = await connection.createChannel();
  await channel.prefetch(inFlight);
  await channel.consume(queue, async (message) => {
    if (!message) return;
    if (await post(message.content)) channel.ack(message);
    else channel.nack(message, false, true);
  });
  console.log('ready');
}

async function nats() {
  const connection = await require('nats').connect({ servers: endpoint });
  const consumer = await connection.jetstream().consumers.get(`S_${queue}`, 'C0');
  const messages = await consumer.consume({ max_messages: inFlight });
  console.log('ready');
  let underWay = 0;
  let wake = null;
  for await (const message of messages) {
    underWay += 1;
    post(Buffer.from(message.data)).then((taken) => {
      if (taken) message.ack();
      else message.nak(retryMs);
      underWay -= 1;
      if (wake) wake();
    });
    if (underWay >= inFlight) await new Promise((resolve) => (wake = resolve));
    wake = null;
  }
}

({ amqp, nats })[kind]().catch((error) => {
  console.error(error);
  process.exit(1);
});
