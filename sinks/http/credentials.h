// Credentials: what the requests of a subscription carry to be let in, opened: the user's own
// headers, basic and bearer authorization. Made once for a subscription; a value, any thread.
#pragma once

#include "broker/api/secrets.h"
#include "broker/base/error.h"
#include "broker/model/push.h"

#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks::http {

class Credentials {
  public:
    // Shorter ones are told from common words by nobody: they are not looked for.
    static constexpr std::size_t masked_bytes_min = 4;

    Credentials() = default;  // none

    // `owner` is "TOPIC/NAME". Error: a secret cannot be opened here.
    static Result<Credentials> make(const model::PushSpec& push,
                                    const api::SecretBox& secrets,
                                    std::string_view owner);

    // Each after a line end; bytes that would end one are '?'.
    [[nodiscard]] const std::string& headers() const { return headers_; }

    // Puts *** in place of every secret that the text holds: receivers quote what they were sent.
    void mask(std::string& text) const;

  private:
    void add(std::string_view name, std::string_view value);

    std::string headers_;
    std::vector<std::string> secrets_;
};

}  // namespace penstock::sinks::http
