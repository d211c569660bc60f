#include "broker/storage/log/entry_view.h"

#include "broker/base/hash.h"

namespace penstock::storage {

std::string_view body_bytes(std::string_view payload, const BodySlot& slot) {
    return payload.substr(slot.offset - header_bytes, slot.length);
}

std::optional<EntryView> entry_view(const RecordHeader& header, std::string_view payload) {
    if (!head_matches(header, payload)) return std::nullopt;
    auto head = read_entry_head(payload.substr(0, header.head_bytes), header.payload_bytes);
    if (!head) return std::nullopt;
    EntryView view;
    view.head = std::move(*head);
    view.commands = payload.substr(header.head_bytes, view.head.commands_bytes);
    view.commands_whole = crc32c(view.commands) == view.head.commands_checksum;
    for (std::uint32_t ordinal = 0; ordinal < view.head.bodies.size(); ++ordinal) {
        const BodySlot& slot = view.head.bodies[ordinal];
        if (!slot.present) continue;
        ++view.bodies;
        if (slot.apart) continue;
        view.body_bytes += slot.length;
        if (slot.shared) continue;
        const bool known = slot.codec == 0 && slot.key_id == 0;
        if (!known || crc32c(body_bytes(payload, slot)) != slot.checksum) {
            view.damaged.push_back(ordinal);
        }
    }
    return view;
}

}  // namespace penstock::storage
