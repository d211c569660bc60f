// Run: one call of a script's function: the message or messages it is given, what it may still use
// up, what it has asked for so far, and in the end what became of it. Made and kept by whoever
// calls the Vm (worker, dry run); the Vm and the bindings fill it in. One thread.
#pragma once

#include "lua/budget.h"
#include "lua/kv_view.h"
#include "sinks/worker/protocol.h"

#include <lua.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::lua {

struct Input {
    std::string id;  // of the frame
    sinks::worker::Event event;
    std::int64_t deadline_ms = 0;
};

enum class Verdict : std::uint8_t { none, retry, dead, drop };

// What became of one input.
struct Outcome {
    enum class Kind : std::uint8_t { accepted, dropped, failed, dead, tripped };
    Kind kind = Kind::failed;
    std::string error;
    std::uint32_t retry_after_ms = 0;
    std::string result;        // JSON, or empty
    std::string result_bytes;  // a result that is no UTF-8
};

// What a function waits for from the server.
struct Request {
    std::string name;     // http, kv_get
    std::string members;  // further members of the call frame, JSON; empty or from ',' on
};

struct Run {
    std::string role;
    bool batch = false;
    std::vector<Input> inputs;  // one, unless it is a batch
    Budget budget;

    std::vector<sinks::worker::Publish> publishes;
    KvView kv;
    Verdict verdict = Verdict::none;  // the last ctx.retry, dead or drop
    std::string reason;
    std::uint32_t retry_after_ms = 0;
    std::size_t log_lines = 0;

    bool waiting = false;  // for the answer to `request`
    Request request;
    std::uint64_t calls = 0;
    sinks::worker::Order reply;  // a result frame

    std::vector<Outcome> outcomes;  // when it has finished: one an input
    bool unsound = false;           // memory ran out: the state should be looked at

    // Of the Vm.
    lua_State* thread = nullptr;
    int thread_reference = LUA_NOREF;
    int globals_reference = LUA_NOREF;  // the globals it has set; they die with it
    std::size_t widened = 0;            // bytes its inputs added to the memory cap
};

}  // namespace penstock::lua
