// Who opens a connection: the first frame of each signs the client's own id with its key
// (cmq-api.md 6.6). There is no nonce in it. Pure but for the broker's keys; any thread.
#pragma once

#include "broker/api/broker.h"
#include "plugins/cmq_http/faults.h"
#include "plugins/cmq_tcp/request.h"

namespace penstock::plugins::cmq_tcp {

// none, and `principal` is who it is; or why not.
cmq::Failure authenticate(const Authenticate& claim,
                          const api::Broker& broker,
                          api::Principal& principal);

}  // namespace penstock::plugins::cmq_tcp
