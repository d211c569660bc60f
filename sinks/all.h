// The visible list of sinks: what exists is what is written in all.cpp. Called by the composition
// root; the dispatcher owns what is made.
#pragma once

#include "broker/api/dispatch.h"
#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/random.h"
#include "sinks/sink.h"

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <string>

namespace penstock::sinks {

struct SinkOptions {
    bool allow_private = false;  // pushes to loopback and private addresses: --dev, or configured
    std::string ca_file;         // PEM trusted beside the system's store; empty: none
    std::uint64_t topic_owner = 0;  // the account's number that receivers are shown
};

// One sink of each kind, all on `executor`'s thread. `clock`, `random` and `dispatch` outlive them;
// `random` is used on that thread. Error{invalid}: an option cannot be used.
Result<Sinks> make_sinks(const boost::asio::any_io_executor& executor,
                         const Clock& clock,
                         Random& random,
                         api::Dispatch& dispatch,
                         const SinkOptions& options);

}  // namespace penstock::sinks
