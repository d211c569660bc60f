#include "plugins/native/rate_fields.h"

namespace penstock::plugins::native {

void add_rate_fields(std::vector<std::pair<std::string, std::string>>& headers,
                     const std::vector<api::Standing>& standings) {
    if (standings.empty()) return;
    std::string policies;
    std::string limits;
    for (const api::Standing& one : standings) {
        const std::string separator = policies.empty() ? "" : ", ";
        const std::string name(api::quota_names.at(static_cast<std::size_t>(one.quota)));
        policies += separator + "\"" + name + "\";q=" + std::to_string(one.most) + ";w=1";
        if (one.quota == api::Quota::bytes) policies += ";qu=\"content-bytes\"";
        limits += separator + "\"" + name + "\";r=" + std::to_string(one.left) +
                  ";t=" + std::to_string(one.full_after_s);
    }
    headers.emplace_back("RateLimit-Policy", std::move(policies));
    headers.emplace_back("RateLimit", std::move(limits));
}

}  // namespace penstock::plugins::native
