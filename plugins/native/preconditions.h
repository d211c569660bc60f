// Preconditions: entity tags of definitions, If-Match and If-None-Match (RFC 9110, 8.8.3, 13.1.1
// and 13.1.2). The tag of an object is its digest: what it holds does not change it. Pure
// functions, any thread.
#pragma once

#include "broker/api/requests.h"
#include "plugins/listener/http.h"
#include "plugins/native/problem.h"

#include <boost/system/result.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace penstock::plugins::native {

inline constexpr std::size_t entity_tags_max = 16;  // in one request

// "<16 hex digits>", quotes included.
std::string entity_tag(std::uint64_t digest);

// What If-Match allows the object to be: absent and `*`, anything that exists; else one of the
// digests, of which weak and foreign tags give none. Malformed, or more than entity_tags_max: a
// Problem (400).
boost::system::result<api::Expected, Problem> read_if_match(const HttpRequest& request);

// 304 where If-None-Match says that the caller has the definition with that digest already (a weak
// tag counts), a Problem (400) where it is malformed or has more than entity_tags_max tags;
// nothing: the object is to be shown.
std::optional<boost::system::result<HttpResponse, Problem>> not_modified(const HttpRequest& request,
                                                                         std::uint64_t digest);

}  // namespace penstock::plugins::native
