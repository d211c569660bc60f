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
  // Straight to the server: what is no command.
  const post = async (path, headers, body) => {
    const key = {authorization: `Bearer ${keyId}:${keySecret}`};
    const response = await fetch(url + path, {method: 'POST', headers: {...headers, ...key}, body});
    const text = await response.text();
    if (!response.ok) throw new Error(`POST ${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  };
  return {run, post};
}

module.exports = {connect};
