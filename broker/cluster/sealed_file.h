// Sealed files: small files of a data folder that are there whole or not at all: magic, version,
// length and checksum before the bytes. Pure but for the disk; broker thread, or before it starts.
#pragma once

#include "broker/base/disk.h"
#include "broker/base/error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::cluster {

struct Seal {
    std::string_view magic;  // 8 bytes
    std::uint8_t version = 1;
    std::string_view without;  // what it means that the file cannot be read, and what to do
};

// Nothing: there is no such file. Error{damaged}: it is not what was written.
Result<std::optional<std::string>> load_sealed(Disk& disk,
                                               const std::string& path,
                                               const Seal& seal);

// Durable when it returns; a crash before leaves what was there.
Result<void> save_sealed(Disk& disk,
                         const std::string& folder,
                         const std::string& name,
                         const Seal& seal,
                         std::string_view body);

// How a file that cannot be read is spoken of.
Error unreadable(const std::string& path, const std::string& what, const Seal& seal);

}  // namespace penstock::cluster
