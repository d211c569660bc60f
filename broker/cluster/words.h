// Words: what nodes ask each other besides the frames of their sets: a request handed on, a command
// for a set led elsewhere, how far set 0 is, to found a cluster, how sets are. Values; by wire.h:
// both sides must be of one build's shape (schema). The first byte of a question is its Word.
#pragma once

#include "broker/api/requests.h"
#include "broker/base/error.h"
#include "broker/cluster/view.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::cluster {

enum class Word : std::uint8_t {
    forward = 1,
    submit = 2,
    names = 3,
    found = 4,
    chunk = 5,
    view = 6,
    record = 7,
    agree = 8,
    unfit = 9,  // no question but a notice, a frame of this byte: hand me no set to lead
};

enum class Heard : std::uint8_t {
    answered = 0,
    not_leading = 1,  // nothing happened; `leader` may know more
    misunderstood = 2,
};

// A client's request for a set that the asked node leads.
struct ForwardQuestion {
    std::uint64_t schema = 0;  // api::schema_of_requests()
    std::uint16_t set = 0;
    std::string principal;
    std::string request;
    std::vector<std::string> bodies;
};

// A command for a set that the asked node leads; or several Transfers for one entry, whose ordinals
// count these bodies. A build of before 2026-11-22 takes one only and hears of more with
// `misunderstood`.
struct SubmitQuestion {
    std::uint64_t schema = 0;
    std::uint16_t set = 0;
    std::string command;  // model::encode_commands
    std::vector<std::string> bodies;
};

// Asks the leader of set 0 how far it has been committed.
struct NamesQuestion {
    std::uint8_t reserved = 0;
};

// To all three.
struct HandedAnswer {
    Heard heard = Heard::answered;
    std::uint64_t leader = 0;       // with not_leading: who may be, 0: unknown
    std::string answer;             // outcome or reply; of several commands a ReplyList
    std::uint64_t names_index = 0;  // set 0 had applied that much: what was made is visible there
};

// The steps by which a node comes into a cluster (founding.h).
enum class FoundStep : std::uint8_t {
    prepare = 1,  // promise to found it with the others
    begin = 2,    // all have promised: take part
    join = 3,     // the cluster is there, and this node is new in it
};

struct FoundQuestion {
    FoundStep step = FoundStep::prepare;
    std::string identity;  // wire form of Identity, the asked node left out
};

struct FoundAnswer {
    std::string problem;        // empty: it does
    std::uint64_t promise = 0;  // answers prepare
    bool lost = false;          // it knows nothing of a promise: it is not the node that gave it
};

// A piece of a snapshot that the asked node holds, or with `done` that it has been installed.
struct ChunkQuestion {
    std::uint16_t set = 0;
    std::uint64_t index = 0;  // the snapshot's
    std::uint32_t part = 0;
    std::uint64_t offset = 0;
    bool done = false;
};

struct ChunkAnswer {
    std::string problem;  // empty: here it is
    std::string bytes;
};

// Asks for a copy of an entry that is damaged on the asking node.
struct RecordQuestion {
    std::uint16_t set = 0;
    std::uint64_t index = 0;
};

struct RecordAnswer {
    std::string problem;  // empty: here it is
    std::string bytes;    // a replication::BodyFrame
};

// Asks a replica for its state hash at an entry.
struct AgreeQuestion {
    std::uint16_t set = 0;
    std::uint64_t index = 0;
};

struct AgreeAnswer {
    bool known = false;  // false: it is not there yet, or long past it
    std::uint64_t hash = 0;
};

// Asks a node how the sets are that it hosts.
struct ViewQuestion {
    std::uint64_t schema = 0;
};

struct ViewAnswer {
    std::vector<api::SetView> sets;  // empty also: it is of another build
    NodeSettings settings;           // said to nodes of the same build
};

// model::reply_to_wire of each command, in their order.
struct ReplyList {
    std::vector<std::string> replies;
};

// A frame that says no more than its word.
std::string notice_of(Word word);

std::string encode_question(const ForwardQuestion& question);
std::string encode_question(const SubmitQuestion& question);
std::string encode_question(const NamesQuestion& question);
std::string encode_question(const FoundQuestion& question);
std::string encode_question(const ChunkQuestion& question);
std::string encode_question(const ViewQuestion& question);
std::string encode_question(const RecordQuestion& question);
std::string encode_question(const AgreeQuestion& question);

// The bytes behind the first.
Result<ForwardQuestion> decode_forward(std::string_view bytes);
Result<SubmitQuestion> decode_submit(std::string_view bytes);
Result<FoundQuestion> decode_found(std::string_view bytes);
Result<ChunkQuestion> decode_chunk_question(std::string_view bytes);
Result<ViewQuestion> decode_view(std::string_view bytes);
Result<RecordQuestion> decode_record_question(std::string_view bytes);
Result<AgreeQuestion> decode_agree(std::string_view bytes);

std::string encode_answer(const HandedAnswer& answer);
Result<HandedAnswer> decode_handed(std::string_view bytes);
std::string encode_answer(const ReplyList& answer);
Result<ReplyList> decode_replies(std::string_view bytes);
std::string encode_answer(const FoundAnswer& answer);
Result<FoundAnswer> decode_founded(std::string_view bytes);
std::string encode_answer(const ChunkAnswer& answer);
Result<ChunkAnswer> decode_chunk(std::string_view bytes);
std::string encode_answer(const ViewAnswer& answer);
Result<ViewAnswer> decode_viewed(std::string_view bytes);
std::string encode_answer(const RecordAnswer& answer);
Result<RecordAnswer> decode_record(std::string_view bytes);
std::string encode_answer(const AgreeAnswer& answer);
Result<AgreeAnswer> decode_agreed(std::string_view bytes);

}  // namespace penstock::cluster
