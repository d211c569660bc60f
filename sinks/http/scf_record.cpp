#include "sinks/http/scf_record.h"

#include "broker/base/instant.h"
#include "sinks/http/json_text.h"

#include <vector>

namespace penstock::sinks::http {
namespace {

void append_member(std::string& out, std::string_view name, std::string_view text) {
    out += '"';
    out += name;
    out += R"(":)";
    append_json_text(out, text);
    out += ',';
}

void append_tags(std::string& out, const std::vector<std::string>& tags, bool as_list) {
    out += R"("msgTag":)";
    if (!as_list) {
        std::string joined;
        for (const std::string& tag : tags) {
            if (!joined.empty()) joined += ',';
            joined += tag;
        }
        return append_json_text(out, joined);
    }
    out += '[';
    for (std::size_t at = 0; at < tags.size(); ++at) {
        if (at > 0) out += ',';
        append_json_text(out, tags[at]);
    }
    out += ']';
}

}  // namespace

void append_scf_record(std::string& out, const ScfSource& source, const api::Delivery& delivery) {
    out += R"({"CMQ":{"type":"topic","topicOwner":)";
    out += std::to_string(source.topic_owner);
    out += ',';
    append_member(out, "topicName", source.topic);
    append_member(out, "subscriptionName", source.subscription);
    append_member(out, "publishTime", format_instant(delivery.published_ms));
    append_member(out, "msgId", model::to_text(delivery.message));
    append_member(out, "requestId", source.request_id);
    out += R"("msgBody":)";
    append_json_body(out, delivery.payload);
    out += ',';
    append_tags(out, delivery.meta.tags, source.tag_list);
    out += "}}";
}

}  // namespace penstock::sinks::http
