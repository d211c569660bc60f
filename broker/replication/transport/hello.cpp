#include "broker/replication/transport/hello.h"

#include "broker/base/bytes.h"

#include <algorithm>

namespace penstock::replication::transport {

namespace {

constexpr std::string_view magic = "PSTKPEER";
constexpr std::uint8_t greeting_version = 1;

std::string text_of(FormatRange range) {
    return std::to_string(range.least) + " to " + std::to_string(range.most);
}

std::string limited_text(Reader& in) {
    const auto text = in.bytes();
    if (text.size() > hello_text_bytes_max) in.fail();
    return std::string(text.substr(0, hello_text_bytes_max));
}

void put_text(Writer& out, std::string_view text) {
    out.bytes(text.substr(0, hello_text_bytes_max));
}

}  // namespace

std::string_view lane_name(Lane lane) {
    static constexpr std::array<std::string_view, lane_count> names{"raft", "requests", "bulk"};
    return names[static_cast<std::size_t>(lane)];
}

std::optional<std::uint16_t> common_format(FormatRange left, FormatRange right) {
    const std::uint16_t least = std::max(left.least, right.least);
    const std::uint16_t most = std::min(left.most, right.most);
    if (least > most) return std::nullopt;
    return most;
}

std::string to_text(ClusterId id) {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const std::uint64_t half : {id.high, id.low}) {
        for (int shift = 60; shift >= 0; shift -= 4) out += digits[(half >> shift) & 0xFU];
    }
    return out;
}

std::string encode_greeting(const Greeting& greeting) {
    const Hello& hello = greeting.hello;
    std::string bytes;
    Writer out(bytes);
    out.raw(magic);
    out.u8(greeting_version);
    out.u8(static_cast<std::uint8_t>(greeting.lane));
    for (const std::uint64_t half : greeting.nonce) out.u64(half);
    out.u16(hello.formats.least);
    out.u16(hello.formats.most);
    out.u64(hello.cluster_id.high);
    out.u64(hello.cluster_id.low);
    out.u32(hello.incarnation);
    out.u64(hello.node.value);
    out.u64(hello.process);
    out.i64(hello.wall_ms);
    put_text(out, hello.cluster);
    put_text(out, hello.peer_address);
    put_text(out, hello.http_address);
    put_text(out, hello.zone);
    put_text(out, hello.build);
    return bytes;
}

Result<Greeting> decode_greeting(std::string_view bytes) {
    Reader in(bytes);
    Greeting greeting;
    Hello& hello = greeting.hello;
    if (in.raw(magic.size()) != magic || in.u8() != greeting_version)
        return error(Errc::damaged, "not the greeting of a node");
    const std::uint8_t lane = in.u8();
    greeting.lane = static_cast<Lane>(lane);
    for (std::uint64_t& half : greeting.nonce) half = in.u64();
    hello.formats.least = in.u16();
    hello.formats.most = in.u16();
    hello.cluster_id.high = in.u64();
    hello.cluster_id.low = in.u64();
    hello.incarnation = in.u32();
    hello.node = NodeId{in.u64()};
    hello.process = in.u64();
    hello.wall_ms = in.i64();
    hello.cluster = limited_text(in);
    hello.peer_address = limited_text(in);
    hello.http_address = limited_text(in);
    hello.zone = limited_text(in);
    hello.build = limited_text(in);
    if (!in.ok() || lane >= lane_count || hello.node.value == 0)
        return error(Errc::damaged, "a greeting with impossible fields");
    return greeting;
}

std::optional<Refused> judge(const Hello& ours, const Hello& theirs) {
    if (theirs.cluster != ours.cluster)
        return Refused{Refusal::wrong_cluster,
                       "a node of cluster '" + theirs.cluster + "', not of '" + ours.cluster + "'"};
    const bool both_members = !ours.cluster_id.none() && !theirs.cluster_id.none();
    if (both_members && theirs.cluster_id != ours.cluster_id)
        return Refused{
            Refusal::wrong_cluster_id,
            "cluster id " + to_text(theirs.cluster_id) + ", not " + to_text(ours.cluster_id)};
    if (both_members && theirs.incarnation < ours.incarnation)
        return Refused{Refusal::old_incarnation,
                       "incarnation " + std::to_string(theirs.incarnation) + ", ours is " +
                           std::to_string(ours.incarnation) +
                           ": the cluster was recovered without this node"};
    if (theirs.node == ours.node)
        return Refused{Refusal::own_id,
                       "it has our node id " + std::to_string(ours.node.value) +
                           ", and says it is at " + theirs.peer_address};
    if (!common_format(ours.formats, theirs.formats))
        return Refused{Refusal::no_common_format,
                       "format levels " + text_of(theirs.formats) + " of build " + theirs.build +
                           ", the cluster is at " + text_of(ours.formats) +
                           ": upgrade that node first"};
    return std::nullopt;
}

}  // namespace penstock::replication::transport
