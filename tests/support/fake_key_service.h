// FakeKeyService: a key service in memory. It wraps by turning bytes round under its master key's
// number, counts, and is down when a test says so. One test; the thread that asks it.
#pragma once

#include "broker/api/key_service.h"

#include <string>

namespace penstock::testing {

class FakeKeyService final : public api::KeyService {
  public:
    Result<std::string> wrap(std::string_view key, std::string_view context) override {
        ++wraps;
        if (down) return error(Errc::unavailable, "it is down");
        if (echoes) return std::string(key);
        std::string wrapped = "W" + std::to_string(master) + std::string(context) + "|";
        for (const char byte : key) wrapped += static_cast<char>(~byte);
        return wrapped;
    }

    Result<std::string> unwrap(std::string_view wrapped, std::string_view context) override {
        ++unwraps;
        if (down) return error(Errc::unavailable, "it is down");
        if (gives_another_key) return std::string(32, 'x');
        const std::size_t bar = wrapped.find('|');
        if (wrapped.substr(2, bar - 2) != context) return error(Errc::damaged, "another's key");
        std::string key;
        for (const char byte : wrapped.substr(bar + 1)) key += static_cast<char>(~byte);
        return key;
    }

    Result<void> renew() override {
        if (down) return error(Errc::unavailable, "it is down");
        ++master;
        return {};
    }

    bool down = false;
    bool echoes = false;
    bool gives_another_key = false;
    int master = 1;
    int wraps = 0;
    int unwraps = 0;
};

}  // namespace penstock::testing
