// Preparing: what a request brings to be stored, as bodies. On the caller's thread, before the
// request is put into the mailbox. Pure functions.
#pragma once

#include "broker/api/requests.h"
#include "broker/node/hosted_set.h"

#include <vector>

namespace penstock::node {

// The messages that a request brings; null: it brings none.
std::vector<model::NewMessage>* messages_of(api::Request& request);

// False: a message came without a seal. Whoever puts a node together has seals made before it
// (api/sealing.h); where they must be, nothing may slip by.
bool all_sealed(const std::vector<model::NewMessage>* messages);

// Encodes them; the request is left without.
PreparedBodies prepare(api::Request& request);

}  // namespace penstock::node
