// The paths through a whole node: what the broker thread does for a message, and what the callers'
// threads do before it (encoding bodies).
#include "broker/node/outbox.h"
#include "tests/bench/budget/load.h"
#include "tests/bench/budget/rig.h"

#include <string>
#include <utility>

namespace penstock::budget {

namespace {

constexpr std::size_t body_bytes = 1'024;
constexpr std::size_t alone = 1;      // requests of one turn
constexpr std::size_t together = 64;  // as under load
constexpr std::size_t single = 1;
constexpr std::size_t batch = 16;  // messages of one request, the most it takes

const std::string queue_name = "orders";
const std::string topic_name = "news";

constexpr auto any_reply = [](auto& /*reply*/) {
};

model::NewMessage message(std::string tag = {}) {
    model::NewMessage made;
    made.payload = std::string(body_bytes, 'x');
    if (!tag.empty()) made.meta.tags.push_back(std::move(tag));
    return made;
}

// A request of kind R takes `per_request` messages.
template <class R>
std::vector<api::Request> requests_for(const R& example,
                                       std::size_t messages,
                                       std::size_t per_request) {
    std::vector<api::Request> requests;
    for (std::size_t at = 0; at < messages; at += per_request) requests.emplace_back(example);
    return requests;
}

class OnNode : public Load {
  public:
    explicit OnNode(std::uint16_t data_sets = 1) : rig_(data_sets) {}

    [[nodiscard]] Spent spent() const override { return rig_.spent(); }

  protected:
    Rig rig_;
};

class SendLoad final : public OnNode {
  public:
    SendLoad(std::size_t per_request, std::size_t per_turn)
        : per_request_(per_request), per_turn_(per_turn) {
        rig_.ask(api::CreateQueue{queue_name, {}});
    }

    void prepare(std::size_t messages) override {
        api::SendMessages send;
        send.queue = queue_name;
        send.messages.assign(per_request_, message());
        requests_ = requests_for(send, messages, per_request_);
    }

    void run() override { rig_.ask_all<api::SendMessages>(requests_, per_turn_, any_reply); }

  private:
    std::size_t per_request_;
    std::size_t per_turn_;
    std::vector<api::Request> requests_;
};

// What was sent in requests of `per_request` is received and deleted so many at a time too.
class ReceiveLoad final : public OnNode {
  public:
    ReceiveLoad(std::size_t per_request, std::size_t per_turn)
        : per_request_(per_request), per_turn_(per_turn) {
        rig_.ask(api::CreateQueue{queue_name, {}});
    }

    void prepare(std::size_t messages) override {
        api::SendMessages send;
        send.queue = queue_name;
        send.messages.assign(per_request_, message());
        auto requests = requests_for(send, messages, per_request_);
        rig_.ask_all<api::SendMessages>(requests, together / per_request_, any_reply);
        rig_.settle_down();
        messages_ = messages;
        receives_.reserve(per_turn_);
        deletes_.reserve(per_turn_);
    }

    void run() override {
        api::ReceiveMessages receive;
        receive.queue = queue_name;
        receive.messages_max = static_cast<std::uint32_t>(per_request_);
        receive.wait_s = 0;
        api::DeleteMessages remove;
        remove.queue = queue_name;
        std::size_t received = 0;
        const auto keep = [&](const api::ReceivedMessages& got) {
            remove.receipts.clear();
            for (const auto& one : got.messages) remove.receipts.push_back(one.receipt);
            received += got.messages.size();
            deletes_.emplace_back(remove);
        };
        while (received < messages_) {
            for (std::size_t one = 0; one < per_turn_; ++one) receives_.emplace_back(receive);
            rig_.ask_all<api::ReceiveMessages>(receives_, per_turn_, keep);
            rig_.ask_all<api::DeleteMessages>(deletes_, per_turn_, any_reply);
        }
    }

  private:
    std::size_t per_request_;
    std::size_t per_turn_;
    std::size_t messages_ = 0;
    std::vector<api::Request> receives_;
    std::vector<api::Request> deletes_;
};

// A topic with subscriptions to which nothing is handed out: credit is another path's.
class PublishLoad : public OnNode {
  public:
    // `filtered`: each subscription wants another tag, the message has the one of the last.
    PublishLoad(std::uint32_t subscriptions, bool filtered, std::size_t per_turn)
        : tag_(filtered ? tag_of(subscriptions) : ""), per_turn_(per_turn) {
        rig_.ask(api::CreateTopic{topic_name, {}});
        for (std::uint32_t at = 1; at <= subscriptions; ++at) {
            api::Subscribe subscribe;
            subscribe.topic = topic_name;
            subscribe.name = "hook-" + std::to_string(at);
            subscribe.spec.endpoint = "http://127.0.0.1:9000/hook";
            if (filtered) subscribe.spec.filter_tags = {tag_of(at)};
            last_ = model::SubscriptionNo{rig_.ask(subscribe).number};
        }
        rig_.settle_down();
    }

    void prepare(std::size_t messages) override {
        api::PublishMessages publish;
        publish.topic = topic_name;
        publish.messages = {message(tag_)};
        requests_ = requests_for(publish, messages, 1);
    }

    void run() override { rig_.ask_all<api::PublishMessages>(requests_, per_turn_, any_reply); }

  protected:
    model::SubscriptionNo last_;

  private:
    static std::string tag_of(std::uint32_t subscription) {
        return "tag-" + std::to_string(subscription);
    }

    std::string tag_;
    std::size_t per_turn_;
    std::vector<api::Request> requests_;
};

// A topic with queues behind it, spread evenly over the data sets; to the last answer between them.
class FanOutLoad final : public OnNode {
  public:
    FanOutLoad(std::uint32_t queues, std::uint16_t data_sets) : OnNode(data_sets) {
        for (std::uint32_t at = 1; at <= queues; ++at) rig_.ask(api::CreateQueue{name_of(at), {}});
        rig_.ask(api::CreateTopic{topic_name, {}});
        for (std::uint32_t at = 1; at <= queues; ++at) {
            api::Subscribe subscribe;
            subscribe.topic = topic_name;
            subscribe.name = name_of(at);
            subscribe.spec.sink = model::SinkKind::queue;
            subscribe.spec.endpoint = name_of(at);
            rig_.ask(subscribe);
        }
        rig_.settle_down();
    }

    void prepare(std::size_t messages) override {
        api::PublishMessages publish;
        publish.topic = topic_name;
        publish.messages = {message()};
        requests_ = requests_for(publish, messages, 1);
        // As messages of users do, they differ: what is the same shares its bytes in the log.
        for (std::size_t at = 0; at < requests_.size(); ++at) {
            auto& body = std::get<api::PublishMessages>(requests_[at]).messages.front().payload;
            const std::string number = std::to_string(at);
            body.replace(0, number.size(), number);
        }
    }

    void run() override {
        rig_.ask_all<api::PublishMessages>(requests_, together, any_reply);
        rig_.settle_down();
        rig_.clock.advance_ms(answers_wait_ms);
        rig_.settle_down();
    }

  private:
    static constexpr std::int64_t answers_wait_ms = node::transfer_answers_pause_us / 1'000;

    static std::string name_of(std::uint32_t queue) { return "queue-" + std::to_string(queue); }

    std::vector<api::Request> requests_;
};

// Hand-out of what was published, and its outcomes, so many in a settlement.
class PushLoad final : public PublishLoad {
  public:
    explicit PushLoad(std::uint32_t per_settlement)
        : PublishLoad(1, false, together), per_settlement_(per_settlement) {}

    void prepare(std::size_t messages) override {
        PublishLoad::prepare(messages);
        PublishLoad::run();
        rig_.settle_down();
        messages_ = messages;
    }

    void run() override {
        for (std::size_t at = 0; at < messages_; at += per_settlement_) {
            api::Dispatch::Settlement settlement;
            settlement.subscription = last_;
            settlement.items.reserve(per_settlement_);
            settlement.attempts.reserve(per_settlement_);
            for (const api::Delivery& one : rig_.take(last_, per_settlement_)) {
                add_accepted(settlement, one);
            }
            rig_.settle(std::move(settlement));
        }
    }

  private:
    void add_accepted(api::Dispatch::Settlement& settlement, const api::Delivery& delivery) {
        model::SettleItem item;
        item.sequence = delivery.sequence;
        item.generation = delivery.generation;
        item.verdict = model::Verdict::accepted;
        item.status = 200;
        settlement.items.push_back(std::move(item));
        model::Attempt attempt;
        attempt.sequence = delivery.sequence;
        attempt.message = delivery.message;
        attempt.at_ms = rig_.clock.wall_ms();
        attempt.latency_us = 1'500;
        attempt.verdict = model::Verdict::accepted;
        attempt.status = 200;
        attempt.target = "127.0.0.1:9000";
        settlement.attempts.push_back(std::move(attempt));
    }

    std::uint32_t per_settlement_;
    std::size_t messages_ = 0;
};

template <class L, class... Arguments>
Path path(std::string_view name, Arguments... arguments) {
    return {name, [=] {
                return std::make_unique<L>(arguments...);
            }};
}

}  // namespace

std::vector<Path> node_paths() {
    return {
        path<SendLoad>("send_alone", single, alone),
        path<SendLoad>("send", single, together),
        path<SendLoad>("send_batch_16", batch, together / batch),
        path<ReceiveLoad>("receive_delete_alone", single, alone),
        path<ReceiveLoad>("receive_delete", single, together),
        path<ReceiveLoad>("receive_delete_batch_16", batch, together / batch),
        path<PublishLoad>("publish_to_1", 1U, false, together),
        path<PublishLoad>("publish_to_10", 10U, false, together),
        path<PublishLoad>("publish_1_of_100_filters", 100U, true, together),
        path<FanOutLoad>("publish_to_10_queues", 10U, std::uint16_t{1}),
        path<FanOutLoad>("publish_to_10_in_8_sets", 10U, std::uint16_t{8}),
        path<PushLoad>("push_settle_alone", 1U),
        path<PushLoad>("push_settle", static_cast<std::uint32_t>(together)),
    };
}

}  // namespace penstock::budget
