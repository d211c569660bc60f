// KeyFile: the master keys that wrap data keys, read from a file (api/key_service.h): 32 bytes in
// base64 a line, the newest first. The first wraps; each unwraps what it has wrapped. Lines that
// are empty or begin with '#' say nothing.
#pragma once

#include "broker/api/key_service.h"
#include "broker/api/secrets.h"

#include <memory>
#include <string>
#include <vector>

namespace penstock {

class KeyFile final : public api::KeyService {
  public:
    static constexpr std::size_t keys_max = 100;

    // Error{io}: it cannot be read. Error{invalid}: a line is no key, there is none, or too many.
    static Result<std::unique_ptr<KeyFile>> open(std::string path);

    Result<std::string> wrap(std::string_view key, std::string_view context) override;
    Result<std::string> unwrap(std::string_view wrapped, std::string_view context) override;

    // Reads the file again; what is wrong with it leaves the keys as they are.
    Result<void> renew() override;

  private:
    using Boxes = std::vector<std::unique_ptr<api::KeyBox>>;

    explicit KeyFile(std::string path) : path_(std::move(path)) {}

    [[nodiscard]] Result<Boxes> read() const;

    std::string path_;
    Boxes boxes_;
};

}  // namespace penstock
