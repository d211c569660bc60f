// entry_view(): an entry's record taken apart and checked, byte by byte. Views into the payload.
// Pure functions, any thread.
#pragma once

#include "broker/storage/log/log_store.h"
#include "broker/storage/log/record_format.h"

#include <optional>
#include <string_view>
#include <vector>

namespace penstock::storage {

struct EntryView {
    EntryHead head;
    std::string_view commands;
    bool commands_whole = false;
    std::vector<std::uint32_t> damaged;  // ordinals of bodies that do not match their checksum
    std::uint64_t body_bytes = 0;        // of those in the segment
    std::uint32_t bodies = 0;            // of those present, here or elsewhere

    // Of what the record itself holds: shared bodies and those apart are looked at by who wants
    // them (shared_bodies.h, apart.h).
    [[nodiscard]] bool whole() const { return commands_whole && damaged.empty(); }
};

// Nothing when the head does not match: then nothing of the entry can be read.
std::optional<EntryView> entry_view(const RecordHeader& header, std::string_view payload);

// Bytes of one body of the entry.
std::string_view body_bytes(std::string_view payload, const BodySlot& slot);

}  // namespace penstock::storage
