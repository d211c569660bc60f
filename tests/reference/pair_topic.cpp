// What a Pair does with its topic, whose subscribers are its first two queues, and with dead
// letters.
#include "tests/reference/pair.h"

#include <algorithm>

namespace penstock::reference {

namespace {

std::vector<std::string> list(const Tags& tags) {
    return {tags.begin(), tags.end()};
}

}  // namespace

void Pair::make_topic() {
    if (!node_.ask(api::CreateTopic{topic_name, {}})) complain("a topic is not made");
    subscribe(orders, {});
    subscribe(mail, {"red"});
}

void Pair::subscribe(std::size_t queue, const Tags& filter) {
    api::Subscribe request;
    request.topic = topic_name;
    request.name = queue_names.at(queue);
    request.spec.sink = model::SinkKind::queue;
    request.spec.endpoint = queue_names.at(queue);
    request.spec.format = model::ContentFormat::simplified;
    request.spec.filter_tags = list(filter);
    request.dead_letter = api::DeadLetterChoice::none;
    if (!node_.ask(request)) complain("a subscription is not made");
    topic_.subscribe(queue, filter);
}

void Pair::publish(const Step& step) {
    api::PublishMessages request;
    request.topic = topic_name;
    const Tags tags = step.tags();
    for (std::size_t at = 0; at < step.messages(); ++at) {
        model::NewMessage message;
        message.payload = "m" + std::to_string(next_body_++);
        message.meta.tags = list(tags);
        request.messages.push_back(std::move(message));
    }
    request.delay_s = step.delay_s();
    if (power_) request.dedup_key = request.messages.front().payload;
    const auto answer = carry_out(request);
    if (!answer || answer->ids.size() != request.messages.size()) {
        return complain("a publish fails");
    }
    for (std::size_t at = 0; at < request.messages.size(); ++at) {
        topic_.publish(answer->ids[at],
                       request.messages[at].payload,
                       tags,
                       now() + TimeMs{1'000} * request.delay_s);
    }
    feed();
}

// What has gone from the topic to the queues.
void Pair::feed() {
    for (Fed& one : topic_.take_fed(now())) {
        model(one.queue).arrive(one.id, std::move(one.body), one.at_ms);
    }
}

// Another filter; one time in four there is no subscription for a while.
void Pair::filter(const Step& step) {
    const Tags tags = step.tags();
    const std::size_t queue = step.queue == mail ? mail : orders;
    const std::string& name = queue_names.at(queue);
    if (!topic_.subscribed(queue)) return subscribe(queue, tags);
    if (step.unsubscribes()) {
        if (!node_.ask(api::Unsubscribe{topic_name, name})) complain("a subscription stays");
        return topic_.unsubscribe(queue);
    }
    api::SetSubscription request;
    request.topic = topic_name;
    request.name = name;
    request.filter_tags = list(tags);
    if (!carry_out(request)) complain("a filter is not set");
    topic_.subscribe(queue, tags);
}

// Every letter goes back to the queue it died in, as the newest message there, under the id that
// the list of letters shows.
void Pair::redrive() {
    node_.settle_down();
    const std::string& name = queue_names[dead];
    constexpr std::uint32_t most = 1'000;
    const auto listed = node_.ask(api::ListDeadLetters{name, 0, most});
    if (!listed) return complain("dead letters are not listed: " + listed.error().detail);
    std::set<std::string> missing = dead_;
    for (const api::DeadLetterView& letter : listed->items) {
        if (missing.erase(letter.payload) + perhaps_dead_.erase(letter.payload) != 1) {
            return complain(letter.payload + " is no dead letter");
        }
    }
    if (!missing.empty()) return complain(*missing.begin() + " is not among the dead letters");
    const auto started = carry_out(api::RedriveDeadLetters{name, {}, false});
    // The first time may have been the one that took them all.
    if (!started || (started->messages != listed->items.size() && !repeated_)) {
        return complain("a redrive fails");
    }
    node_.settle_down();
    for (const api::DeadLetterView& letter : listed->items) {
        model(orders).arrive(letter.id, letter.payload, now());
    }
    dead_.clear();
    perhaps_dead_.clear();
}

}  // namespace penstock::reference
