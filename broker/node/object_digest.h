// The digest of an object's definition: what it is, not what it holds. Equal definitions of one
// object have equal digests, on every replica and after every start. Pure function, any thread.
#pragma once

#include "broker/base/bytes.h"
#include "broker/base/hash.h"
#include "broker/model/object_codec.h"

#include <cstdint>
#include <string>

namespace penstock::node {

// Secrets stand in attributes sealed under a random nonce only: without the key nobody can try
// guesses of one against the digest.
template <class Attributes>
std::uint64_t object_digest(model::ObjectNo object, const Attributes& attributes) {
    std::string bytes;
    Writer writer(bytes);
    writer.u32(object.value);
    model::encode(writer, attributes);
    return hash64(bytes);
}

}  // namespace penstock::node
