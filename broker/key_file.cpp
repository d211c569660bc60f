#include "broker/key_file.h"

#include "broker/base/base64.h"

#include <openssl/crypto.h>

#include <fstream>
#include <utility>

namespace penstock {

Result<KeyFile::Boxes> KeyFile::read() const {
    std::ifstream file(path_, std::ios::binary);
    if (!file) return error(Errc::io, "cannot read encryption.key_file, " + path_);
    Boxes boxes;
    std::string line;
    for (std::size_t number = 1; std::getline(file, line); ++number) {
        if (!line.empty() && line.back() == '\r') line.pop_back();
        if (line.empty() || line.front() == '#') continue;
        auto key = decode_base64(line);
        ::OPENSSL_cleanse(line.data(), line.size());
        if (!key || key->size() != api::KeyBox::key_bytes) {
            return error(Errc::invalid,
                         path_ + ", line " + std::to_string(number) +
                             ": no master key: 32 bytes in base64 are needed, as `head -c 32 "
                             "/dev/urandom | base64` makes them");
        }
        if (boxes.size() == keys_max) {
            return error(Errc::invalid,
                         path_ + " holds more than " + std::to_string(keys_max) + " keys");
        }
        boxes.push_back(std::make_unique<api::KeyBox>(std::move(*key)));
    }
    if (boxes.empty()) return error(Errc::invalid, path_ + " holds no key");
    return boxes;
}

Result<std::unique_ptr<KeyFile>> KeyFile::open(std::string path) {
    std::unique_ptr<KeyFile> opened(std::make_unique<KeyFile>(KeyFile(std::move(path))));
    if (auto read = opened->renew(); !read) return read.error();
    return opened;
}

Result<void> KeyFile::renew() {
    auto boxes = read();
    if (!boxes) return boxes.error();
    boxes_ = std::move(*boxes);
    return {};
}

Result<std::string> KeyFile::wrap(std::string_view key, std::string_view context) {
    return boxes_.front()->seal(key, context);
}

Result<std::string> KeyFile::unwrap(std::string_view wrapped, std::string_view context) {
    for (const auto& box : boxes_) {
        auto key = box->open(wrapped, context);
        // Sealed with another one: told from damage by the box.
        if (key || key.error().code != Errc::unavailable) return key;
    }
    return error(Errc::unavailable, "none of the keys in " + path_ + " has wrapped it");
}

}  // namespace penstock
