// What nodes of a cluster send each other: frames, greetings, frames of sets, payloads, members,
// questions. Checksums are made to fit, so that what stands behind them is reached.
#include "broker/base/bytes.h"
#include "broker/base/hash.h"
#include "broker/cluster/words.h"
#include "broker/replication/etcd_raft/members.h"
#include "broker/replication/peer_frame.h"
#include "broker/replication/transport/frame.h"
#include "tests/fuzz/target.h"

namespace penstock::fuzz {
namespace {

using namespace replication;
using transport::FrameDecoder;
using transport::FrameKind;

std::string read_frames(std::string_view bytes, std::size_t piece) {
    FrameDecoder decoder(1'000);
    std::string heard;
    auto state = FrameDecoder::State::more;
    while (!bytes.empty()) {
        std::string_view part = bytes.substr(0, piece);
        bytes.remove_prefix(part.size());
        while (!part.empty()) {
            transport::Frame frame;
            state = decoder.feed(part, frame);
            if (state == FrameDecoder::State::whole) heard += frame.payload + "|";
            const bool over =
                state != FrameDecoder::State::whole && state != FrameDecoder::State::more;
            if (over) return heard + std::to_string(static_cast<int>(state));
        }
    }
    return heard;
}

void take_greeting(std::string_view bytes) {
    const auto greeting = transport::decode_greeting(bytes);
    if (!greeting) return;
    const auto again = transport::decode_greeting(transport::encode_greeting(*greeting));
    check(again && *again == *greeting, "a greeting comes back");
    (void)transport::judge(transport::Hello{}, greeting->hello);
}

void take_set_frame(std::string_view bytes) {
    const auto frame = decode_frame(bytes);
    if (!frame) return;
    check(frame_set(bytes) == frame->set, "its set");
    std::vector<std::string_view> payloads;
    std::size_t next = 0;
    for (const RaftEntry& entry : frame->entries) {
        payloads.emplace_back();
        if (entry.bytes > 0) payloads.back() = frame->payloads[next++]->bytes;
    }
    const auto again =
        decode_frame(encode_frame(frame->set, frame->view(), payloads, &frame->snapshot));
    check(again && again->entries.size() == frame->entries.size(), "a frame comes back");
}

void take_payload(std::string_view bytes) {
    const auto view = decode_payload(bytes);
    if (!view) return;
    const std::string encoded = encode_payload(view->time_ms, view->commands, view->bodies);
    const auto again = decode_payload(encoded);
    check(again && again->commands == view->commands && again->bodies == view->bodies,
          "a payload comes back");
}

void take_members(std::string_view bytes) {
    const auto members = decode_members(bytes);
    check(!members || well_formed(*members), "members that can be");
    check(!members || *decode_members(encode_members(*members)) == *members, "and come back");
}

void take_words(std::string_view bytes) {
    using namespace cluster;
    (void)decode_forward(bytes), (void)decode_submit(bytes), (void)decode_found(bytes);
    (void)decode_chunk_question(bytes), (void)decode_view(bytes), (void)decode_handed(bytes);
    (void)decode_record_question(bytes), (void)decode_agree(bytes), (void)decode_founded(bytes);
    (void)decode_chunk(bytes), (void)decode_viewed(bytes), (void)decode_record(bytes);
    const auto replies = decode_replies(bytes);
    check(!replies || decode_replies(encode_answer(*replies))->replies == replies->replies,
          "replies come back");
    const auto agreed = decode_agreed(bytes);
    check(!agreed || decode_agreed(encode_answer(*agreed))->hash == agreed->hash,
          "a hash comes back");
}

// A stream in which every frame's checksum fits.
std::string sealed(std::string_view bytes) {
    transport::FrameEncoder encoder;
    std::string out;
    while (!bytes.empty()) {
        const unsigned kind = take_choice(bytes, 12);
        const std::string_view payload = bytes.substr(0, bytes.find('\n'));
        bytes.remove_prefix(std::min(bytes.size(), payload.size() + 1));
        encoder.append(out, static_cast<FrameKind>(kind), payload, {});
    }
    return out;
}

}  // namespace

void one_input(std::string_view bytes) {
    const unsigned choice = take_choice(bytes, 7);
    const std::string stream = choice == 1 ? sealed(bytes) : std::string(bytes);
    if (choice <= 1) check(read_frames(stream, 1) == read_frames(stream, 100), "however it is cut");
    if (choice == 2) take_greeting(bytes);
    if (choice == 3) take_set_frame(bytes);
    if (choice == 4) take_payload(bytes);
    if (choice == 5) take_members(bytes);
    if (choice == 6) take_words(bytes);
}

std::vector<std::string> seeds() {
    transport::Greeting greeting;
    greeting.hello.cluster = "c";
    greeting.hello.peer_address = "10.0.0.1:7072";
    const std::string_view bodies[] = {"one", ""};
    const std::string payload = encode_payload(1'000, "commands", bodies);
    Message message;
    message.type = MessageType::append;
    message.to = NodeId{2};
    message.from = NodeId{1};
    RaftEntry entry;
    entry.index = 1;
    entry.bytes = static_cast<std::uint32_t>(payload.size());
    const std::vector<RaftEntry> entries = {entry};
    message.entries = entries;
    const std::string_view payloads[] = {payload};
    cluster::ForwardQuestion forward;
    forward.bodies = {"body"};
    return {chosen(0, sealed("\x05hello\n\x09\n\x06question")),
            chosen(1, "\x01hello\n\x02\n\x05message\n\x0a"),
            chosen(2, transport::encode_greeting(greeting)),
            chosen(3, encode_frame(model::SetId{1}, message, payloads, nullptr)),
            chosen(4, payload),
            chosen(5, encode_members({{NodeId{1}, NodeId{2}}, {NodeId{3}}})),
            chosen(6, cluster::encode_question(forward).substr(1)),
            chosen(6, cluster::encode_answer(cluster::AgreeAnswer{true, 7})),
            chosen(6, cluster::encode_answer(cluster::HandedAnswer{})),
            chosen(6, cluster::encode_answer(cluster::ChunkAnswer{"", "bytes"}))};
}

}  // namespace penstock::fuzz
