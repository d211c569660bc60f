// A request of every alternative and an outcome of each, every field of them another than its
// default. Values, any thread.
#pragma once

#include "broker/api/wire.h"
#include "broker/model/command.h"

#include <any>
#include <cstddef>
#include <string>
#include <vector>

namespace penstock::api::testing {

struct WireSample {
    Request request;
    std::any outcome;                              // of that request, a value
    bool complete = false;                         // no field was left at its default
    bool (*same)(const Request&, const Request&);  // field by field
    bool (*same_outcome)(const std::any&, const std::any&);
    std::any (*refuse)(model::Refusal);  // the request's refusal
};

// By Request::index().
std::vector<WireSample> wire_samples();

// A reply of the core of every kind, by Reply::index().
std::vector<model::Reply> reply_samples();

}  // namespace penstock::api::testing
