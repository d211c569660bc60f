// main.js URL KEY_ID KEY_SECRET PENSTOCK: what receivers make of webhooks, with the libraries that
// they use, from a running server that is told what to do by its own command line.
'use strict';

const {connect} = require('./penstock');
const events = require('./events');
const signatures = require('./signatures');

const patience = 240000;

const [url, keyId, keySecret, binary] = process.argv.slice(2);

async function main() {
  const penstock = connect(binary, {url, keyId, keySecret});
  await events.exercise(penstock);
  console.log('cloudevents: every mode parsed, every event back as it came');
  await signatures.exercise(penstock);
  console.log('standardwebhooks: every signature verified');
}

// A receiver may wait for ever after a failure.
setTimeout(() => {
  console.error('not done in time');
  process.exit(1);
}, patience).unref();

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
