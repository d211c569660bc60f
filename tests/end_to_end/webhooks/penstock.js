// The command line, as a user types it: `run('topic', 'create', ...)` gives what it prints as JSON.
'use strict';

const {execFile} = require('child_process');
const {promisify} = require('util');

function connect(binary, {url, keyId, keySecret}) {
  const environment = {
    ...process.env,
    PENSTOCK_SERVER: url,
    PENSTOCK_KEY_ID: keyId,
    PENSTOCK_KEY_SECRET: keySecret,
  };
  const run = async (...words) => {
    const {stdout} = await promisify(execFile)(binary, ['-o', 'json', ...words], {env: environment});
    return stdout.trim() === '' ? {} : JSON.parse(stdout);
  };
  return {run};
}

module.exports = {connect};
