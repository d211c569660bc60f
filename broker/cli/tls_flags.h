// TlsFlags: certificates for a subscription's pushes, as flags of `sub add` and `sub set`, and what
// they come to for /v1: the object `tls`. Owned by the SubscriptionCommands, one thread.
#pragma once

#include "broker/cli/failure.h"

#include <CLI/App.hpp>
#include <boost/json/object.hpp>
#include <boost/system/result.hpp>

#include <string>

namespace penstock::cli {

class TlsFlags {
  public:
    // `creating`: there is nothing that could be taken away.
    void add_to(CLI::App& verb, bool creating);

    // The object; empty when nothing was said. Reads the files.
    [[nodiscard]] boost::system::result<boost::json::object, Failure> tls() const;

  private:
    std::string ca_;
    std::string client_cert_;
    std::string client_key_;
};

}  // namespace penstock::cli
