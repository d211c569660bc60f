#include "broker/replication/entry_payload.h"

#include "broker/base/bytes.h"

#include <utility>

namespace penstock::replication {

std::string encode_payload(TimeMs time_ms,
                           std::string_view commands,
                           std::span<const std::string_view> bodies) {
    std::size_t total = 32 + commands.size();
    for (const std::string_view body : bodies) total += 5 + body.size();
    std::string out;
    out.reserve(total);
    Writer writer(out);
    writer.i64(time_ms);
    writer.bytes(commands);
    writer.varint(bodies.size());
    for (const std::string_view body : bodies) writer.bytes(body);
    return out;
}

std::optional<PayloadView> decode_payload(std::string_view bytes) {
    Reader reader(bytes);
    PayloadView view;
    view.time_ms = reader.i64();
    view.commands = reader.bytes();
    const std::size_t bodies = reader.count(1);
    if (bodies > model::bodies_per_entry_max) return std::nullopt;
    view.bodies.reserve(bodies);
    for (std::size_t at = 0; at < bodies; ++at) view.bodies.push_back(reader.bytes());
    if (!reader.done() || view.commands.empty()) return std::nullopt;
    return view;
}

Result<PayloadPtr> payload_of(const storage::StoredEntry& entry) {
    std::vector<std::string_view> bodies;
    bodies.reserve(entry.bodies.size());
    for (const storage::StoredBodyView& body : entry.bodies) {
        if (!body.present || body.damaged) {
            return error(Errc::damaged,
                         "entry " + std::to_string(entry.index) + " of set " +
                             std::to_string(entry.set.value) + " has lost a body");
        }
        bodies.push_back(body.bytes);
    }
    return std::make_shared<const Payload>(encode_payload(entry.time_ms, entry.commands, bodies));
}

}  // namespace penstock::replication
