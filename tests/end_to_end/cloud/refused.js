'use strict';

const assert = require('assert').strict;

// `ask` fails with this code of API 3.0.
async function refused(code, ask) {
  await assert.rejects(ask, (error) => {
    assert.equal(error.code, code, error.message);
    assert.ok(error.requestId, 'a refusal has a request id');
    return true;
  });
}

module.exports = {refused};
