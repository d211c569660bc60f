// Short forms of the requests the tests of the node make most.
#pragma once

#include "broker/api/requests.h"

#include <string>
#include <utility>
#include <vector>

namespace penstock::testing {

inline api::CreateQueue create_queue(std::string name, api::QueueChange change = {}) {
    return {std::move(name), std::move(change)};
}

inline api::SendMessages send(std::string queue, std::vector<std::string> bodies) {
    api::SendMessages request;
    request.queue = std::move(queue);
    for (std::string& body : bodies) request.messages.push_back({{}, std::move(body)});
    return request;
}

inline api::ReceiveMessages receive(std::string queue,
                                    std::uint32_t messages_max = 1,
                                    std::uint32_t wait_s = 0) {
    api::ReceiveMessages request;
    request.queue = std::move(queue);
    request.messages_max = messages_max;
    request.wait_s = wait_s;
    return request;
}

inline api::DeleteMessages remove(std::string queue, std::vector<model::Receipt> receipts) {
    return {std::move(queue), std::move(receipts)};
}

inline api::PublishMessages publish(std::string topic, std::vector<std::string> bodies) {
    api::PublishMessages request;
    request.topic = std::move(topic);
    for (std::string& body : bodies) request.messages.push_back({{}, std::move(body)});
    return request;
}

inline api::Subscribe subscribe(std::string topic, std::string name) {
    api::Subscribe request;
    request.topic = std::move(topic);
    request.name = std::move(name);
    request.spec.endpoint = "http://127.0.0.1:9000/hook";
    return request;
}

}  // namespace penstock::testing
