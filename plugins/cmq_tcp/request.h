// What a client asks over CMQ TCP: the requests of cmq-api.md 6.4 and 6.5 as values, and their
// bytes both ways. A decoded request points into the bytes it was read from and must not outlive
// them. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace penstock::plugins::cmq_tcp {

// Numbers of the wire.
enum class Command : std::int32_t {
    authenticate = 1020,
    send = 1021,
    send_batch = 1022,
    pull = 1023,
    pull_batch = 1024,
    remove = 1025,
    remove_batch = 1026,
    publish = 1027,
    publish_batch = 1028,
    heartbeat = 1040,
    confirm = 1041,
    query = 1042,
};

// `ordering_key` of a send, of a publish and of a message that is pulled: not of the tables, and
// far from their numbers.
inline constexpr std::uint32_t ordering_key_field = 100;

struct Authenticate {
    std::string_view key_id;
    std::string_view signature;
    std::string_view client_id;
    std::string_view method;
};

struct Send {
    std::string_view queue;
    std::vector<std::string_view> bodies;
    std::uint32_t delay_s = 0;
    std::int32_t transaction = 0;        // 1: yes
    std::int32_t first_query_s = 0;      // of a transaction
    std::string_view ordering_key = {};  // of all bodies; our own
};

struct Pull {
    std::string_view queue;
    std::int32_t messages_max = 1;
    std::optional<std::int32_t> wait_s;  // absent: the queue's
    std::uint32_t visibility_s = 0;      // 0: the queue's
};

struct Remove {
    std::string_view queue;
    std::vector<std::uint64_t> receipts;
};

struct Publish {
    std::string_view topic;
    std::vector<std::string_view> bodies;
    std::vector<std::string_view> tags;
    std::string_view routing_key;
    std::string_view ordering_key = {};  // of all bodies; our own
};

// What became of transactions.
struct Confirm {
    static constexpr std::int32_t committed = 1;
    static constexpr std::int32_t rolled_back = 2;

    struct Item {
        std::uint64_t id = 0;
        std::int32_t state = 0;
    };

    std::string_view queue;
    std::vector<Item> items;
};

struct Request {
    std::int64_t seqno = 0;
    std::int32_t command = 0;  // a Command, or a number nobody knows
    bool one_way = false;      // no reply is awaited
    // By the command; nothing: it has no fields, or is unknown.
    std::variant<std::monostate, Authenticate, Send, Pull, Remove, Publish, Confirm> fields;
    std::string_view missing = {};  // the first required field that is not there

    [[nodiscard]] bool is(Command other) const {
        return command == static_cast<std::int32_t>(other);
    }
};

// Reads a CMQProto. Nothing: it is none, or not a request's (seqno and cmd are required). A field
// given several times counts as protocol buffers have it: the last number, merged messages.
std::optional<Request> decode_request(std::string_view payload);

// Appends the whole frame. `command` and `fields` must belong together.
void append_request(std::string& out, const Request& request);

}  // namespace penstock::plugins::cmq_tcp
