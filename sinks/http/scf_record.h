// The record of a message in the event that Tencent SCF's CMQ topic trigger gives to functions:
// {"Records":[<record>, ...]}. Drawn here for webhooks and for programs behind the runtime APIs.
// Pure functions, any thread.
#pragma once

#include "broker/api/dispatch.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::sinks::http {

// What the records of one event share.
struct ScfSource {
    std::string_view topic;
    std::string_view subscription;
    std::string_view request_id;
    std::uint64_t topic_owner = 0;
    bool tag_list = false;  // msgTag is an array, as in older pages; else "tag1,tag2"
};

// {"CMQ":{...}}; a body that is no text goes as base64.
void append_scf_record(std::string& out, const ScfSource& source, const api::Delivery& delivery);

}  // namespace penstock::sinks::http
