// The key that seals users' secrets (api/secrets.h): read from the file that the configuration
// names, else from DATA/secrets.key, which the first start of a server on its own makes. In a
// cluster every node opens what any of them sealed, so that all need the same key: there nothing is
// made, and without the configured file every secret is refused. Called once by the composition
// root, after the data folder was opened.
#pragma once

#include "broker/api/secrets.h"
#include "broker/base/error.h"
#include "broker/base/random.h"
#include "broker/config/server_config.h"

#include <memory>

namespace penstock {

// Error{invalid}: the file holds no key, 32 bytes in base64. Error{io}: it cannot be read or made.
Result<std::unique_ptr<api::SecretBox>> open_secret_box(const config::ServerConfig& config,
                                                        Random& random);

}  // namespace penstock
