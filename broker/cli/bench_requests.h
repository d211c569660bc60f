// CmqRequests: CMQ API 2.0 requests as whole HTTP bytes, signed with HmacSHA256. Nothing in them is
// unique (CMQ wants no unique nonce), so that those without changing parts are made once a minute
// and sent again and again. One thread.
#pragma once

#include "broker/cli/world.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::cli {

using CmqParameters = std::vector<std::pair<std::string, std::string>>;

class CmqRequests {
  public:
    // `authority` is host:port as in the Host header, which is part of what is signed.
    CmqRequests(Target target, std::string authority, const Clock& clock)
        : target_(std::move(target)), authority_(std::move(authority)), clock_(clock) {}

    // A whole request: POST /v2/index.php with `parameters` and the common ones.
    [[nodiscard]] std::string make(std::string_view action, CmqParameters parameters) const;

  private:
    Target target_;
    std::string authority_;
    const Clock& clock_;
};

// `code` of a CMQ answer; nothing when it is none.
constexpr int no_cmq_code = -1;
int cmq_code(std::string_view body);

// Every "name":"value" text of that name in a JSON answer, in order. Enough for ids and receipts,
// which never hold escapes.
std::vector<std::string> texts_named(std::string_view body, std::string_view name);

}  // namespace penstock::cli
