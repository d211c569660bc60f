#include "broker/cli/bench_scenarios.h"

#include "broker/base/random.h"
#include "broker/cli/bench_sink.h"

#include <utility>
#include <vector>

namespace penstock::cli {

namespace {

// Signatures age; requests that are sent again are made anew this often.
constexpr std::int64_t signed_again_us = 60'000'000;
constexpr int code_no_message = 7000;

std::string failure_in(const LinkAnswer& answer) {
    if (!answer.ok) return std::string(answer.failure);
    const int code = cmq_code(answer.body);
    if (code == 0) return {};
    constexpr std::size_t shown_bytes = 120;
    return "code " + std::to_string(code) + ": " + std::string(answer.body.substr(0, shown_bytes));
}

CmqParameters bodies(std::size_t batch, const std::string& payload) {
    CmqParameters parameters;
    if (batch == 1) parameters.emplace_back("msgBody", payload);
    for (std::size_t at = 1; batch > 1 && at <= batch; ++at) {
        parameters.emplace_back("msgBody." + std::to_string(at), payload);
    }
    return parameters;
}

// A request without changing parts, made again before its signature is too old.
class Repeated {
  public:
    Repeated(const CmqRequests& requests,
             const Clock& clock,
             std::string action,
             CmqParameters with)
        : requests_(requests),
          clock_(clock),
          action_(std::move(action)),
          parameters_(std::move(with)) {}

    // Shared: exchanges under way keep the bytes they send.
    std::shared_ptr<const std::string> bytes() {
        const std::int64_t now_us = clock_.steady_us();
        if (!bytes_ || now_us - made_us_ > signed_again_us) {
            bytes_ = std::make_shared<const std::string>(requests_.make(action_, parameters_));
            made_us_ = now_us;
        }
        return bytes_;
    }

  private:
    const CmqRequests& requests_;
    const Clock& clock_;
    std::string action_;
    CmqParameters parameters_;
    std::shared_ptr<const std::string> bytes_;
    std::int64_t made_us_ = 0;
};

CmqParameters with_queue(const std::string& queue, CmqParameters parameters) {
    parameters.emplace_back("queueName", queue);
    return parameters;
}

Repeated sender(const CmqRequests& requests, const Clock& clock, const ScenarioOptions& options) {
    return {requests,
            clock,
            options.batch == 1 ? "SendMessage" : "BatchSendMessage",
            with_queue(options.object, bodies(options.batch, bench_payload(options.size)))};
}

class SendScenario final : public Scenario {
  public:
    SendScenario(const CmqRequests& requests, const Clock& clock, const ScenarioOptions& options)
        : send_(sender(requests, clock, options)), batch_(options.batch) {}

    void run(std::size_t, Link& link, std::int64_t, Done done) override {
        auto bytes = send_.bytes();
        const std::string_view request = *bytes;
        link.exchange(
            request,
            [this, bytes = std::move(bytes), done = std::move(done)](const LinkAnswer& answer) {
                done({batch_, failure_in(answer)});
            });
    }

  private:
    Repeated send_;
    std::uint64_t batch_;
};

class CycleScenario final : public Scenario {
  public:
    CycleScenario(const CmqRequests& requests, const Clock& clock, const ScenarioOptions& options)
        : requests_(requests),
          options_(options),
          send_(sender(requests, clock, options)),
          receive_(requests, clock, receive_action(options), receive_parameters(options)) {}

    void run(std::size_t, Link& link, std::int64_t, Done done) override {
        auto bytes = send_.bytes();
        const std::string_view request = *bytes;
        link.exchange(request,
                      [this, &link, bytes = std::move(bytes), done = std::move(done)](
                          const LinkAnswer& answer) {
                          auto failure = failure_in(answer);
                          if (!failure.empty()) return done({0, std::move(failure)});
                          receive(link, done);
                      });
    }

  private:
    static std::string receive_action(const ScenarioOptions& options) {
        return options.batch == 1 ? "ReceiveMessage" : "BatchReceiveMessage";
    }

    static CmqParameters receive_parameters(const ScenarioOptions& options) {
        CmqParameters parameters{{"pollingWaitSeconds", "0"}, {"queueName", options.object}};
        if (options.batch > 1) parameters.emplace_back("numOfMsg", std::to_string(options.batch));
        return parameters;
    }

    void receive(Link& link, const Done& done) {
        auto bytes = receive_.bytes();
        const std::string_view request = *bytes;
        link.exchange(request,
                      [this, &link, bytes = std::move(bytes), done](const LinkAnswer& answer) {
                          if (answer.ok && cmq_code(answer.body) == code_no_message)
                              return done({0, {}});
                          auto failure = failure_in(answer);
                          if (!failure.empty()) return done({0, std::move(failure)});
                          remove(link, texts_named(answer.body, "receiptHandle"), done);
                      });
    }

    void remove(Link& link, const std::vector<std::string>& receipts, const Done& done) {
        CmqParameters parameters{{"queueName", options_.object}};
        if (options_.batch == 1 && receipts.size() == 1) {
            parameters.emplace_back("receiptHandle", receipts.front());
        }
        for (std::size_t at = 0; options_.batch > 1 && at < receipts.size(); ++at) {
            parameters.emplace_back("receiptHandle." + std::to_string(at + 1), receipts[at]);
        }
        auto bytes = std::make_shared<const std::string>(requests_.make(
            options_.batch == 1 ? "DeleteMessage" : "BatchDeleteMessage", std::move(parameters)));
        const std::string_view request = *bytes;
        link.exchange(
            request,
            [bytes = std::move(bytes), done, count = receipts.size()](const LinkAnswer& answer) {
                done({count, failure_in(answer)});
            });
    }

    const CmqRequests& requests_;
    ScenarioOptions options_;
    Repeated send_;
    Repeated receive_;
};

class PublishScenario final : public Scenario {
  public:
    PublishScenario(const CmqRequests& requests, const ScenarioOptions& options)
        : requests_(requests), options_(options), payload_(bench_payload(options.size)) {}

    void run(std::size_t, Link& link, std::int64_t due_us, Done done) override {
        const std::string stamp = stamp_of(due_us);
        payload_.replace(0, stamp.size(), stamp);
        CmqParameters parameters = bodies(options_.batch, payload_);
        parameters.emplace_back("topicName", options_.object);
        auto bytes = std::make_shared<const std::string>(requests_.make(
            options_.batch == 1 ? "PublishMessage" : "BatchPublishMessage", std::move(parameters)));
        const std::string_view request = *bytes;
        link.exchange(request,
                      [bytes = std::move(bytes), done = std::move(done), batch = options_.batch](
                          const LinkAnswer& answer) {
                          done({batch, failure_in(answer)});
                      });
    }

  private:
    const CmqRequests& requests_;
    ScenarioOptions options_;
    std::string payload_;
};

}  // namespace

std::string bench_payload(std::size_t bytes) {
    constexpr std::string_view letters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    SeededRandom random(1);
    std::string text;
    for (std::size_t at = 0; at < bytes; ++at) {
        text.push_back(letters[random.below(letters.size())]);
    }
    return text;
}

std::unique_ptr<Scenario> send_scenario(const CmqRequests& requests,
                                        const Clock& clock,
                                        const ScenarioOptions& options) {
    return std::make_unique<SendScenario>(requests, clock, options);
}

std::unique_ptr<Scenario> cycle_scenario(const CmqRequests& requests,
                                         const Clock& clock,
                                         const ScenarioOptions& options) {
    return std::make_unique<CycleScenario>(requests, clock, options);
}

std::unique_ptr<Scenario> publish_scenario(const CmqRequests& requests,
                                           const ScenarioOptions& options) {
    return std::make_unique<PublishScenario>(requests, options);
}

}  // namespace penstock::cli
