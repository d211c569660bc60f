// The two npm clients behind one face: `ask(action, parameters)` gives the response's object.
'use strict';

const http = require('http');
const net = require('net');

// qcloudapi-sdk as it is: its host is SERVICE.BASE, so that 127 and 0.0.1:PORT make an address.
function generic(server) {
  const QcloudApi = require('qcloudapi-sdk');
  const [service, ...base] = server.host.split('.');
  const api = new QcloudApi({
    SecretId: server.keyId,
    SecretKey: server.keySecret,
    Region: 'gz',
    protocol: 'http',
    serviceType: service,
    baseHost: `${base.join('.')}`,
  });
  const ask = (action, parameters, options) =>
    new Promise((resolve, reject) => {
      api.request({Action: action, ...parameters}, options || api.defaults, (error, body) =>
        error ? reject(error) : resolve(body));
    });
  return {name: 'generic', ask, offers: () => true};
}

// cmq-sdk builds its vendor's host names and signs them; only the connection is led here.
function typed(server) {
  const {CMQ} = require('cmq-sdk/dist/cmq');
  const [host, port] = server.host.split(':');
  http.globalAgent.createConnection = (options, done) =>
    /\.tencentyun\.com$/.test(options.host)
      ? net.createConnection({host, port: Number(port)}, done)
      : net.createConnection(options, done);
  const client = CMQ.NEW({
    secretId: server.keyId,
    secretKey: server.keySecret,
    region: 'gz',
    path: '/v2/index.php',
    signatureMethod: 'HmacSHA256',
    extranet: false,
  });
  const method = (action) => action[0].toLowerCase() + action.slice(1);
  const ask = (action, parameters) => client[method(action)]({...parameters});
  return {name: 'typed', ask, offers: (action) => typeof client[method(action)] === 'function'};
}

module.exports = {generic, typed};
