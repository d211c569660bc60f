#include "broker/replication/transport/frame.h"

#include "broker/base/bytes.h"
#include "broker/base/hash.h"

#include <algorithm>

namespace penstock::replication::transport {

namespace {

constexpr std::size_t checksum_at = 21;

bool is_kind(std::uint8_t kind) {
    return kind >= static_cast<std::uint8_t>(FrameKind::hello) &&
           kind <= static_cast<std::uint8_t>(FrameKind::bye);
}

}  // namespace

std::uint64_t conversation_of(const std::array<std::uint64_t, 2>& dialer,
                              const std::array<std::uint64_t, 2>& acceptor) {
    std::string bytes;
    Writer out(bytes);
    for (const auto& drawn : {dialer, acceptor}) {
        for (const std::uint64_t half : drawn) out.u64(half);
    }
    return hash64(bytes);
}

void FrameEncoder::append(std::string& out,
                          FrameKind kind,
                          std::string_view head,
                          std::string_view body) {
    const std::size_t start = out.size();
    Writer writer(out);
    writer.u32(static_cast<std::uint32_t>(head.size() + body.size()));
    writer.u8(static_cast<std::uint8_t>(kind));
    writer.u64(conversation_);
    writer.u64(sequence_++);
    const auto covered = std::string_view(out).substr(start);
    writer.u32(crc32c(body, crc32c(head, crc32c(covered))));
    writer.raw(head);
    writer.raw(body);
}

FrameDecoder::State FrameDecoder::take_header() {
    Reader in(header_);
    length_ = in.u32();
    const std::uint8_t kind = in.u8();
    const std::uint64_t conversation = in.u64();
    const std::uint64_t sequence = in.u64();
    checksum_ = in.u32();
    if (length_ > payload_bytes_max_ || !is_kind(kind)) return State::malformed;
    if (conversation != conversation_ || sequence != sequence_) return State::replayed;
    kind_ = static_cast<FrameKind>(kind);
    ++sequence_;
    return State::more;
}

FrameDecoder::State FrameDecoder::feed(std::string_view& input, Frame& frame) {
    if (header_.size() < frame_header_bytes) {
        const auto part = input.substr(0, frame_header_bytes - header_.size());
        header_.append(part);
        input.remove_prefix(part.size());
        if (header_.size() < frame_header_bytes) return State::more;
        const State state = take_header();
        if (state != State::more) return state;
    }
    const auto part = input.substr(0, length_ - payload_.size());
    payload_.append(part);
    input.remove_prefix(part.size());
    if (payload_.size() < length_) return State::more;
    const auto covered = std::string_view(header_).substr(0, checksum_at);
    if (crc32c(payload_, crc32c(covered)) != checksum_) return State::damaged;
    frame.kind = kind_;
    frame.payload = std::move(payload_);
    payload_ = std::string();
    header_.clear();
    return State::whole;
}

}  // namespace penstock::replication::transport
