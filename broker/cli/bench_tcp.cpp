#include "broker/cli/bench_tcp.h"

#include "broker/cli/bench_sink.h"

#include <utility>
#include <vector>

namespace penstock::cli {

namespace {

using plugins::cmq_tcp::Client;
using plugins::cmq_tcp::Publish;
using plugins::cmq_tcp::Pull;
using plugins::cmq_tcp::Remove;
using plugins::cmq_tcp::Reply;
using plugins::cmq_tcp::Send;

std::string failure_in(const Result<Reply>& reply) {
    if (!reply) return reply.error().detail;
    if (reply->result == plugins::cmq_tcp::result_ok) return {};
    return "result " + std::to_string(reply->result) + ": " + reply->error;
}

class TcpScenario : public Scenario {
  public:
    TcpScenario(const TcpBench& bench, const ScenarioOptions& options)
        : options_(options), payload_(bench_payload(options.size)) {
        for (std::size_t at = 0; at < bench.connections; ++at) {
            clients_.push_back(
                std::make_unique<Client>(bench.context, bench.endpoint, bench.key, bench.tls));
        }
    }

    void close() override {
        for (const auto& client : clients_) client->close();
    }

  protected:
    Client& client(std::size_t worker) { return *clients_[worker % clients_.size()]; }

    [[nodiscard]] std::vector<std::string_view> bodies() const {
        return std::vector<std::string_view>(options_.batch, payload_);
    }

    // Sends; then runs `next`, or `done` with why not.
    template <class Next>
    void send(std::size_t worker, const Done& done, Next next) {
        client(worker).send(Send{options_.object, bodies(), 0, 0, 0},
                            [done, next = std::move(next)](const Result<Reply>& reply) {
                                auto failure = failure_in(reply);
                                if (!failure.empty()) return done({0, std::move(failure)});
                                next();
                            });
    }

    ScenarioOptions options_;
    std::string payload_;

  private:
    std::vector<std::unique_ptr<Client>> clients_;
};

class TcpSend final : public TcpScenario {
  public:
    using TcpScenario::TcpScenario;

    void run(std::size_t worker, Link&, std::int64_t, Done done) override {
        send(worker, done, [done, batch = options_.batch] { done({batch, {}}); });
    }
};

class TcpCycle final : public TcpScenario {
  public:
    using TcpScenario::TcpScenario;

    void run(std::size_t worker, Link&, std::int64_t, Done done) override {
        send(worker, done, [this, worker, done] { pull(worker, done); });
    }

  private:
    void pull(std::size_t worker, const Done& done) {
        const Pull fields{options_.object, static_cast<std::int32_t>(options_.batch), 0, 0};
        client(worker).pull(fields, [this, worker, done](const Result<Reply>& reply) {
            const bool none = reply && reply->result == plugins::cmq_tcp::result_no_message;
            auto failure = none ? std::string() : failure_in(reply);
            if (none || !failure.empty()) return done({0, std::move(failure)});
            remove(worker, *reply, done);
        });
    }

    void remove(std::size_t worker, const Reply& pulled, const Done& done) {
        Remove fields{options_.object, {}};
        for (const auto& message : pulled.pulled) fields.receipts.push_back(message.receipt);
        client(worker).remove(fields,
                              [done, count = fields.receipts.size()](const Result<Reply>& reply) {
                                  done({count, failure_in(reply)});
                              });
    }
};

class TcpPublish final : public TcpScenario {
  public:
    using TcpScenario::TcpScenario;

    void run(std::size_t worker, Link&, std::int64_t due_us, Done done) override {
        const std::string stamp = stamp_of(due_us);
        payload_.replace(0, stamp.size(), stamp);
        client(worker).publish(Publish{options_.object, bodies(), {}, {}},
                               [done, batch = options_.batch](const Result<Reply>& reply) {
                                   done({batch, failure_in(reply)});
                               });
    }
};

}  // namespace

std::unique_ptr<Scenario> tcp_send_scenario(const TcpBench& bench, const ScenarioOptions& options) {
    return std::make_unique<TcpSend>(bench, options);
}

std::unique_ptr<Scenario> tcp_cycle_scenario(const TcpBench& bench,
                                             const ScenarioOptions& options) {
    return std::make_unique<TcpCycle>(bench, options);
}

std::unique_ptr<Scenario> tcp_publish_scenario(const TcpBench& bench,
                                               const ScenarioOptions& options) {
    return std::make_unique<TcpPublish>(bench, options);
}

}  // namespace penstock::cli
