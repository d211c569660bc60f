// World: what a command line sees of the outside: streams, environment, clock, and a way to the
// server. Production is the process itself; tests hand in their own. Borrowed by one run.
#pragma once

#include "broker/base/clock.h"
#include "broker/base/error.h"

#include <functional>
#include <istream>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace penstock::cli {

// One request to /v1.
struct Ask {
    std::string method = "GET";
    std::string target;  // path and query, percent-encoded
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
    std::uint32_t wait_ms = 0;  // how long the server may hold the answer back
};

struct Answer {
    unsigned status = 0;
    std::string body;
    std::string etag{};  // of what the body shows, as the header has it; empty: none
};

// Where a command's requests go, and as whom.
struct Target {
    std::string server;
    std::string key_id;
    std::string key_secret;
    std::string ca_file{};  // PEM trusted beside the system's store; empty: none
    std::string token{};    // of a temporary key; empty: it is none
};

// A server as commands see it. Errors: invalid (the address), io (the certificates to trust),
// timeout, unavailable.
class Server {
  public:
    virtual ~Server() = default;
    virtual Result<Answer> ask(const Ask& ask) = 0;
};

using Connector = std::function<Result<std::unique_ptr<Server>>(const Target&)>;

struct World {
    std::istream& in;
    std::ostream& out;
    std::ostream& err;
    const Clock& clock;
    bool terminal_in = false;
    bool terminal_out = false;
    std::map<std::string, std::string> environment;
    Connector connect;

    [[nodiscard]] std::string variable(const std::string& name) const {
        const auto found = environment.find(name);
        return found == environment.end() ? std::string() : found->second;
    }
};

// run_cli in a world of the caller's choice.
int run(const std::vector<std::string>& words, World& world);

}  // namespace penstock::cli
