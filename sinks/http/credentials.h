// Credentials: what the requests of a subscription carry to be let in, opened: the user's own
// headers, basic and bearer authorization, where tokens come from. Made once for a subscription; a
// value, any thread.
#pragma once

#include "broker/api/secrets.h"
#include "broker/base/error.h"
#include "broker/model/push.h"
#include "sinks/http/access_tokens.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::sinks::http {

class Credentials {
  public:
    // Shorter ones are told from common words by nobody: they are not looked for.
    static constexpr std::size_t masked_bytes_min = 4;

    Credentials() = default;  // none

    // `owner` is "TOPIC/NAME". Error: a secret cannot be opened here, or the token endpoint is no
    // URL.
    static Result<Credentials> make(const model::PushSpec& push,
                                    const api::SecretBox& secrets,
                                    std::string_view owner);

    // Each after a line end; bytes that would end one are '?'.
    [[nodiscard]] const std::string& headers() const { return headers_; }

    // Where the token comes from that each request needs beside the headers.
    [[nodiscard]] const std::optional<TokenSource>& token_source() const { return tokens_; }

    // Tokens are fetched as that identity.
    void identify(std::shared_ptr<client::TlsIdentity> tls) {
        if (tokens_) tokens_->url.tls = std::move(tls);
    }

    // Puts *** in place of every secret that the text holds: receivers quote what they were sent.
    void mask(std::string& text) const;
    static void mask(std::string_view secret, std::string& text);

  private:
    void add(std::string_view name, std::string_view value);

    std::string headers_;
    std::optional<TokenSource> tokens_;
    std::vector<std::string> secrets_;
};

}  // namespace penstock::sinks::http
