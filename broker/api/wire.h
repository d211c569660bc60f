// Requests and their answers as bytes between nodes of one cluster: a request that reaches a node
// which does not lead its set is handed on once, and its outcome comes back. Never stored, so that
// no older form is read: two nodes whose schema_of_requests() differs do not hand requests to each
// other. Decoding takes nothing on trust: bytes that are cut, too long or out of range are
// Errc::damaged. Pure functions, any thread.
#pragma once

#include "broker/api/broker.h"
#include "broker/base/error.h"

#include <any>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::api {

std::string encode_request(const Request& request);
Result<Request> decode_request(std::string_view bytes);

std::string encode_principal(const Principal& principal);
Result<Principal> decode_principal(std::string_view bytes);

// `outcome` holds exactly the Outcome<Reply> of the request's alternative `request_index`
// (Request::index()), as Broker::Answer takes it; anything else in it is a bug and aborts.
std::string encode_outcome(std::size_t request_index, const std::any& outcome);
Result<std::any> decode_outcome(std::size_t request_index, std::string_view bytes);

// A fingerprint of the shape of all that is coded here and of model::Reply: kinds, counts and order
// of fields, nested ones too, and the values of enumerations. Names do not count, nor do two fields
// of one kind that change places: raise `requests_meaning` when a field means something else.
std::uint64_t schema_of_requests();

}  // namespace penstock::api
