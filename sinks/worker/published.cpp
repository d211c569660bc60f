#include "sinks/worker/published.h"

#include <utility>

namespace penstock::sinks::worker {
namespace {

// Twice what names, five tags, two keys and a content type may have.
constexpr std::size_t bytes_besides_max = 16 * 1024;

}  // namespace

std::size_t counted_bytes(const Publish& publish) {
    const std::size_t besides = bytes_besides(publish);
    return publish.body.size() + (besides > bytes_besides_max ? besides : 0);
}

api::HandlerOutput make_output(Publish publish) {
    api::HandlerOutput output;
    output.topic = std::move(publish.topic);
    output.queue = std::move(publish.queue);
    output.message.payload = std::move(publish.body);
    output.message.meta.tags = std::move(publish.tags);
    output.message.meta.routing_key = std::move(publish.routing_key);
    output.message.meta.ordering_key = std::move(publish.ordering_key);
    output.message.meta.content_type = std::move(publish.content_type);
    output.delay_ms = publish.delay_ms;
    return output;
}

void keep(Published& published, Publish publish, const std::string& problem) {
    if (!published.problem.empty()) return;
    if (!problem.empty()) {
        published.problem = "a \"publish\" is malformed: " + problem;
        return;
    }
    published.bytes += counted_bytes(publish);
    if (published.outputs.size() >= model::outputs_per_message_max) {
        published.problem = "it published more than " +
                            std::to_string(model::outputs_per_message_max) + " messages for one";
    } else if (published.bytes > output_bytes_max) {
        published.problem =
            "it published more than " + std::to_string(output_bytes_max) + " bytes for one message";
    } else {
        published.outputs.push_back(make_output(std::move(publish)));
    }
}

Published published_by(std::string_view answer) {
    Published published;
    const auto items = decode_list(answer, "publish");
    if (!items) {
        published.problem = "the answer is malformed: " + items.error().detail;
        return published;
    }
    for (const std::string& item : *items) {
        Heard heard = decode_publish(item);
        keep(published, std::move(heard.publish), heard.problem);
        if (!published.problem.empty()) break;
    }
    return published;
}

}  // namespace penstock::sinks::worker
