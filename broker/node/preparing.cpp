#include "broker/node/preparing.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace penstock::node {

namespace {

PreparedBodies prepare(std::vector<model::NewMessage>& messages) {
    PreparedBodies bodies;
    for (model::NewMessage& message : messages) {
        bodies.bytes.push_back(model::encode_body(message));
        bodies.infos.push_back(model::take_info(message));
    }
    messages.clear();
    return bodies;
}

}  // namespace

std::vector<model::NewMessage>* messages_of(api::Request& request) {
    if (auto* send = std::get_if<api::SendMessages>(&request)) return &send->messages;
    if (auto* publish = std::get_if<api::PublishMessages>(&request)) return &publish->messages;
    if (auto* edit = std::get_if<api::EditDeadLetter>(&request)) return &edit->messages;
    return nullptr;
}

bool all_sealed(const std::vector<model::NewMessage>* messages) {
    return messages == nullptr ||
           std::all_of(messages->begin(), messages->end(), [](const model::NewMessage& message) {
               return message.packing && message.packing->seal;
           });
}

PreparedBodies prepare(api::Request& request) {
    std::vector<model::NewMessage>* messages = messages_of(request);
    if (messages == nullptr) return {};
    if (auto* edit = std::get_if<api::EditDeadLetter>(&request)) {
        for (model::NewMessage& message : *messages) {
            auto& attributes = message.meta.attributes;
            std::erase_if(attributes, [](const auto& attribute) {
                return attribute.first == api::edited_from_attribute;
            });
            attributes.emplace_back(api::edited_from_attribute, model::to_text(edit->id));
        }
    }
    return prepare(*messages);
}

}  // namespace penstock::node
