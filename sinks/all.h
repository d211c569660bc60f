// The visible list of sinks: what exists is what is written in all.cpp. Called by the composition
// root; the dispatcher owns what is made.
#pragma once

#include "broker/api/dispatch.h"
#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/networks.h"
#include "broker/base/random.h"
#include "sinks/http/push_request.h"
#include "sinks/lua/lua_trials.h"
#include "sinks/sink.h"
#include "sinks/worker/log_book.h"
#include "sinks/worker/supervisor_link.h"

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <string>

namespace penstock::sinks {

struct SinkOptions {
    bool allow_private = false;  // pushes to loopback and private addresses: --dev, or configured
    Networks allow_networks;     // of such addresses, those that may be pushed to nevertheless
    std::string ca_file;         // PEM trusted beside the system's store; empty: none
    std::string client_cert;     // PEM shown to endpoints that ask; empty: none
    std::string client_key;      // its key
    std::string proxy;           // http://host:port that pushes go through; empty: none
    client::Http2 http2 = client::Http2::off;
    http::PushIdentity identity;              // what receivers are told
    const api::SecretBox* secrets = nullptr;  // of subscriptions; outlives the sinks
    bool allow_processes = false;  // programs of this machine; Lua scripts run in any case
    worker::SandboxProfile sandbox = worker::SandboxProfile::standard;
    std::string lua_program;  // absolute path of penstock-lua
};

// The processes of functions: one supervisor, one book of what they write, and scripts tried before
// they are used. Made before the sinks and outlives them; used on its executor's thread but for
// `log_book`'s and `trials`' answers.
struct FunctionHost {
    FunctionHost(boost::asio::any_io_executor executor,
                 const Clock& clock,
                 const SinkOptions& options)
        : launcher(executor),
          log_book(executor, clock, launcher),
          trials(executor, clock, launcher, {options.lua_program, options.sandbox}) {}

    worker::SupervisorLink launcher;
    worker::LogBook log_book;
    lua::LuaTrials trials;
};

// One sink of each kind, all with the Lua stage before them, on `executor`'s thread. `clock`,
// `random` and `dispatch` outlive them; `random` is used on that thread. Error{invalid}: an option
// cannot be used.
Result<Sinks> make_sinks(const boost::asio::any_io_executor& executor,
                         const Clock& clock,
                         Random& random,
                         api::Dispatch& dispatch,
                         FunctionHost& functions,
                         const SinkOptions& options);

}  // namespace penstock::sinks
