// Frames, requests and replies of CMQ over TCP: the same in pieces as in one; what is read is
// written again and read as the same.
#include "plugins/cmq_tcp/reply.h"
#include "plugins/cmq_tcp/request.h"
#include "plugins/cmq_tcp/wire.h"
#include "tests/fuzz/target.h"

namespace penstock::fuzz {
namespace {

using namespace plugins::cmq_tcp;
using State = Frame::State;

constexpr std::size_t frame_bytes_max = 4'096;

void frames(std::string_view bytes) {
    const Frame whole = first_frame(bytes, frame_bytes_max);
    const Frame part = first_frame(bytes.substr(0, some_cut(bytes)), frame_bytes_max);
    check(part.state != State::broken || whole.state == State::broken, "a part breaks nothing");
    if (part.state == State::whole) {
        check(whole.state == State::whole && part.payload == whole.payload, "the same frame");
    }
    if (whole.state != State::whole) return;
    std::string again;
    const std::size_t begun = begin_frame(again);
    again.append(whole.payload);
    end_frame(again, begun);
    check(again == bytes.substr(0, whole.bytes), "the same bytes");
}

void requests(std::string_view bytes) {
    const auto read = decode_request(bytes);
    if (!read) return;
    std::string once;
    append_request(once, *read);
    const auto again = decode_request(std::string_view(once).substr(frame_head_bytes));
    check(again && again->fields.index() == read->fields.index(), "it is read again");
    check(again->missing == read->missing, "and lacks the same");
    std::string twice;
    append_request(twice, *again);
    check(once == twice, "and is the same");
}

void replies(std::string_view bytes) {
    const auto read = decode_reply(bytes);
    if (!read) return;
    std::string once;
    append_reply(once, *read);
    const auto again = decode_reply(std::string_view(once).substr(frame_head_bytes));
    check(again && again->ids == read->ids, "it is read again");
    check(again->failures.size() == read->failures.size(), "with all failures");
    std::string twice;
    append_reply(twice, *again);
    check(once == twice, "and is the same");
}

template <class Fields>
std::string request_bytes(Command command, Fields fields) {
    Request request;
    request.seqno = 7;
    request.command = static_cast<std::int32_t>(command);
    request.fields = std::move(fields);
    std::string out;
    append_request(out, request);
    return out;
}

}  // namespace

void one_input(std::string_view bytes) {
    switch (take_choice(bytes, 3)) {
        case 0:
            return frames(bytes);
        case 1:
            return requests(bytes);
        default:
            return replies(bytes);
    }
}

std::vector<std::string> seeds() {
    Reply reply;
    reply.command = static_cast<std::int32_t>(Command::pull_batch);
    reply.result = 6010;
    reply.error = "(10150)delete message partially failed";
    reply.pulled.resize(2);
    reply.failures.push_back({1, 4430, "(10260)invalid receiptHandle"});
    reply.ids = {1, 300};
    reply.confirmed_queue = "q";
    reply.confirmed = {{300, Confirm::committed, 0, ""}, {5, ConfirmedItem::unknown, 4490, "no"}};
    std::string told;
    append_reply(told, reply);
    Reply query;
    query.command = static_cast<std::int32_t>(Command::query);
    query.query = Query{"q", 300};
    std::string question;
    append_reply(question, query);
    std::vector<std::string> all;
    for (const std::string& frame :
         {request_bytes(Command::authenticate, Authenticate{"AKIDa", "c2ln", "1@me", "HmacSHA1"}),
          request_bytes(Command::send, Send{"q", {"hi"}, 5, 1, 5, "k"}),
          request_bytes(Command::send_batch, Send{"q", {"a", "bc"}, 0, 0, 0}),
          request_bytes(Command::pull, Pull{"q", 1, 10, 30}),
          request_bytes(Command::pull_batch, Pull{"q", 16, -1, 30}),
          request_bytes(Command::remove_batch, Remove{"q", {1, 300}}),
          request_bytes(Command::publish, Publish{"t", {"hi"}, {"x", "y"}, "a.b"}),
          request_bytes(Command::confirm, Confirm{"q", {{300, 1}, {5, 2}}}),
          request_bytes(Command::heartbeat, std::monostate()),
          told,
          question}) {
        all.push_back(chosen(0, frame));
        all.push_back(chosen(1, frame.substr(frame_head_bytes)));
        all.push_back(chosen(2, frame.substr(frame_head_bytes)));
    }
    return all;
}

}  // namespace penstock::fuzz
