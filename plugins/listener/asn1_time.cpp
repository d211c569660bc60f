#include "plugins/listener/asn1_time.h"

#include <ctime>

namespace penstock::plugins {

std::int64_t unix_ms(const ASN1_TIME* time) {
    std::tm parts{};
    if (::ASN1_TIME_to_tm(time, &parts) != 1) return 0;
    return static_cast<std::int64_t>(::timegm(&parts)) * 1'000;
}

}  // namespace penstock::plugins
