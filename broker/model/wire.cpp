#include "broker/model/wire.h"

#include "broker/base/wire.h"

namespace penstock::model {

std::string reply_to_wire(const Reply& reply) {
    return wire::encode(reply);
}

Result<Reply> reply_from_wire(std::string_view bytes) {
    return wire::decode<Reply>(bytes, "a reply of a set");
}

std::uint64_t schema_of_replies() {
    return wire::schema<Reply>();
}

}  // namespace penstock::model
