// Short ways to say what a handler wants to happen with its acknowledgement, and one message that
// it handles. Values, any thread.
#pragma once

#include "broker/core/records.h"
#include "tests/core/commands.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace penstock::testing {

inline model::KvWrite kv_put(std::string key, std::string value, std::uint64_t ttl_ms = 0) {
    return {model::KvWrite::Kind::put, std::move(key), std::move(value), 0, ttl_ms};
}

inline model::KvWrite kv_erase(std::string key) {
    return {model::KvWrite::Kind::erase, std::move(key), {}, 0, 0};
}

inline model::KvWrite kv_add(std::string key, std::int64_t amount, std::uint64_t ttl_ms = 0) {
    return {model::KvWrite::Kind::add, std::move(key), {}, amount, ttl_ms};
}

inline model::Output to_queue(model::QueueNo queue,
                              std::uint32_t ordinal = 0,
                              std::uint64_t delay_ms = 0) {
    return {queue, true, ordinal, delay_ms};
}

inline model::Output to_topic(model::TopicNo topic,
                              std::uint32_t ordinal = 0,
                              std::uint64_t delay_ms = 0) {
    return {topic, false, ordinal, delay_ms};
}

inline model::HandlerCommit with_outputs(std::vector<model::Output> outputs) {
    model::HandlerCommit commit;
    commit.outputs = std::move(outputs);
    return commit;
}

inline model::HandlerCommit with_writes(std::vector<model::KvWrite> writes,
                                        std::vector<model::KvRead> reads = {}) {
    model::HandlerCommit commit;
    commit.writes = std::move(writes);
    commit.reads = std::move(reads);
    return commit;
}

// An acknowledgement of `sequence` with what its handler wants.
inline model::Settle handled(model::SubscriptionNo subscription,
                             model::Sequence sequence,
                             model::HandlerCommit commit,
                             model::Generation generation = 0) {
    model::Settle command;
    command.subscription = subscription;
    command.items.push_back(outcome(sequence, model::Verdict::accepted, generation));
    commit.item = 0;
    command.commits.push_back(std::move(commit));
    return command;
}

inline core::KvValue kv_of(const CoreDriver& driver,
                           model::SubscriptionNo subscription,
                           std::string_view key) {
    return core::kv_value(driver.rows(), subscription, key, driver.now_ms());
}

// What the store of a function is counted to hold.
inline core::KvTotals kv_totals(const CoreDriver& driver, model::SubscriptionNo subscription) {
    const auto bytes = driver.rows().get(core::keys::kv_totals(subscription));
    return bytes ? core::decode<core::KvTotals>(*bytes) : core::KvTotals{};
}

inline std::size_t kv_rows(const CoreDriver& driver, model::SubscriptionNo subscription) {
    std::size_t rows = 0;
    driver.rows().scan(core::keys::prefix('n', subscription),
                       core::keys::prefix_end('n', subscription),
                       [&](auto, auto) { return ++rows > 0; });
    return rows;
}

inline std::size_t timers(const CoreDriver& driver) {
    std::size_t rows = 0;
    driver.rows().scan("w", "x", [&](auto, auto) { return ++rows > 0; });
    return rows;
}

// A set with the topic `news` and its first reader, a Lua function.
inline CoreDriver with_function(model::SubscriptionSpec spec = http_spec(),
                                const CoreDriver::Options& options = {0, 1}) {
    CoreDriver driver = CoreDriver::data_set(options);
    if (spec.sink == model::SinkKind::http) spec.sink = model::SinkKind::lua;
    driver.done(make_topic(news));
    driver.done(make_subscription(first_reader, std::move(spec)));
    return driver;
}

// Publishes a message for the function; its sequence.
inline model::Sequence new_message(CoreDriver& driver) {
    publish(driver, news);
    return ready_sequences(driver, first_reader).back();
}

// Publishes a message and settles it with `commit`.
inline model::Settled handle(CoreDriver& driver,
                             model::HandlerCommit commit,
                             std::vector<model::BodyInfo> bodies = {}) {
    const model::Sequence sequence = new_message(driver);
    return driver.apply_as<model::Settled>(handled(first_reader, sequence, std::move(commit)),
                                           std::move(bodies));
}

inline void write_kv(CoreDriver& driver, std::vector<model::KvWrite> writes) {
    EXPECT_EQ(handle(driver, with_writes(std::move(writes))), model::Settled{});
}

// How the only failing delivery of the function failed; nothing: there is not exactly one.
inline std::optional<core::WaitingDelivery> only_failure(const CoreDriver& driver) {
    const auto waiting = core::waiting_deliveries(driver.rows(), first_reader, 0, 10);
    if (waiting.size() != 1) return {};
    return waiting.front();
}

}  // namespace penstock::testing
