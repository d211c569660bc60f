// What HttpServed asks about topics, their subscriptions and dead letters.
#include "tests/reference/http_served.h"

#include <utility>

namespace penstock::reference {

namespace {

namespace json = boost::json;

json::array list(const std::vector<std::string>& texts) {
    json::array out;
    for (const std::string& text : texts) out.emplace_back(text);
    return out;
}

model::MessageId id_of(const json::value& shown) {
    const auto id = model::parse_decimal(std::string(shown.as_string()));
    return model::MessageId(id.value_or(0));
}

template <class T>
api::Outcome<T> none_of(const api::Outcome<json::value>& answer) {
    if (!answer) return answer.error();
    return T{};
}

}  // namespace

api::Outcome<api::TopicView> HttpServed::ask(const api::CreateTopic& request) {
    return none_of<api::TopicView>(native("POST", "/topics", {{"name", request.name}}));
}

api::Outcome<api::SubscriptionView> HttpServed::ask(const api::Subscribe& request) {
    const json::object fields{{"name", request.name},
                              {"queue", {{"name", request.spec.endpoint}}},
                              {"tags", list(request.spec.filter_tags)},
                              {"dead_letter", nullptr}};
    return none_of<api::SubscriptionView>(
        native("POST", "/topics/" + request.topic + "/subscriptions", fields));
}

api::Outcome<api::SubscriptionView> HttpServed::ask(const api::SetSubscription& request) {
    const std::string path = "/subscriptions/" + request.topic + "/" + request.name;
    return none_of<api::SubscriptionView>(native(
        "PATCH",
        path,
        json::object{{"tags", list(request.filter_tags.value_or(std::vector<std::string>()))}}));
}

api::Outcome<api::Nothing> HttpServed::ask(const api::Unsubscribe& request) {
    const std::string path = "/subscriptions/" + request.topic + "/" + request.name;
    return none_of<api::Nothing>(native("DELETE", path));
}

api::Outcome<api::SentMessages> HttpServed::ask(const api::PublishMessages& request) {
    json::array messages;
    for (const auto& message : request.messages) {
        messages.push_back(
            json::object{{"body", message.payload}, {"tags", list(message.meta.tags)}});
    }
    const auto answer = native("POST",
                               "/topics/" + request.topic + "/messages/batch",
                               {{"messages", std::move(messages)}, {"delay", request.delay_s}});
    if (!answer) return answer.error();
    api::SentMessages sent;
    for (const auto& id : answer->at("ids").as_array()) sent.ids.push_back(id_of(id));
    return sent;
}

api::Outcome<api::DeadLetterPage> HttpServed::ask(const api::ListDeadLetters& request) {
    const std::string path =
        "/dead-letters/" + request.queue + "?limit=" + std::to_string(request.limit);
    const auto answer = native("GET", path);
    if (!answer) return answer.error();
    api::DeadLetterPage page;
    for (const auto& shown : answer->at("items").as_array()) {
        api::DeadLetterView letter;
        letter.id = id_of(shown.at("id"));
        letter.payload = std::string(shown.at("body").as_string());
        page.items.push_back(std::move(letter));
    }
    return page;
}

api::Outcome<api::JobStarted> HttpServed::ask(const api::RedriveDeadLetters& request) {
    const auto answer =
        native("POST", "/dead-letters/" + request.queue + "/redrive", json::object());
    if (!answer) return answer.error();
    return api::JobStarted{answer->at("messages").to_number<std::uint64_t>(), 0};
}

}  // namespace penstock::reference
