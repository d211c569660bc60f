// The times in a certificate. Pure, any thread.
#pragma once

#include <openssl/asn1.h>

#include <cstdint>

namespace penstock::plugins {

// Unix time; 0: it cannot be read.
std::int64_t unix_ms(const ASN1_TIME* time);

}  // namespace penstock::plugins
