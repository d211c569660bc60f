// CoreDriver: a state machine of the core over rows in memory, driven as a node drives it: entries
// with dense indices and rising time, batches applied as they come, Ticks whenever the machine asks
// for one. After every entry it checks what must always hold (core_invariants.h) and adds batch and
// replies to a trace. Owned by one test, one thread; a broken invariant fails the test.
#pragma once

#include "broker/core/data_query.h"
#include "broker/core/state_machine.h"
#include "broker/model/format.h"
#include "broker/storage/rows/row_store.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace penstock::testing {

// A body of `bytes` with tags or a routing key.
model::BodyInfo body(std::uint32_t bytes = 10, std::vector<std::string> tags = {});
model::BodyInfo routed_body(std::string routing_key);

class CoreDriver {
  public:
    struct Options {
        std::uint32_t drop_caches_every = 0;       // entries; 0: never
        std::uint32_t check_invariants_every = 1;  // entries; 0: only when asked
        std::string rocks_folder = {};             // rows in RocksDB there; empty: in memory
        model::SetId set = model::first_data_set;
        std::uint16_t level = model::known_formats().most;  // of its entries
    };

    static constexpr model::TimeMs start_ms = 1'800'000'000'000;

    static CoreDriver data_set(const Options& options);

    static CoreDriver data_set() { return data_set(Options{}); }

    static CoreDriver name_set();

    // Applies one entry at the present time; its replies, one per command.
    std::vector<model::Reply> apply(std::vector<model::Command> commands,
                                    std::vector<model::BodyInfo> bodies = {});

    // Applies one command and expects a reply of type T.
    template <class T>
    T apply_as(model::Command command, std::vector<model::BodyInfo> bodies = {}) {
        std::vector<model::Command> commands;
        commands.push_back(std::move(command));
        const auto replies = apply(std::move(commands), std::move(bodies));
        const T* reply = std::get_if<T>(&replies.at(0));
        EXPECT_NE(reply, nullptr) << "an unexpected reply: " << describe(replies.at(0));
        return reply ? *reply : T{};
    }

    void done(model::Command command, std::vector<model::BodyInfo> bodies = {}) {
        if (std::holds_alternative<model::Settle>(command)) {
            const auto settled = apply_as<model::Settled>(std::move(command), std::move(bodies));
            EXPECT_EQ(settled, model::Settled{}) << "something moved or was refused";
        } else {
            apply_as<model::Done>(std::move(command), std::move(bodies));
        }
    }

    // Applies one command and expects a refusal: its reason.
    model::Reason refused(model::Command command, std::vector<model::BodyInfo> bodies = {});

    // Lets time pass, with a Tick whenever one is due.
    void advance(model::TimeMs pause_ms);

    // Ticks until nothing is due at the present time; how many it took.
    std::uint32_t run_due();

    // Lets time pass without any Tick, as when nobody leads.
    void skip(model::TimeMs pause_ms) { now_ms_ += pause_ms; }

    [[nodiscard]] const model::Rows& rows() const { return *rows_; }

    [[nodiscard]] const model::Effects& effects() const { return effects_; }

    [[nodiscard]] model::TimeMs now_ms() const { return now_ms_; }

    [[nodiscard]] model::LogIndex index() const { return index_; }

    // Chain over every batch, reply and wake so far.
    [[nodiscard]] std::uint64_t trace() const { return trace_; }

    // Bodies released so far, in all entries.
    [[nodiscard]] const std::set<model::MessageId>& released() const { return released_; }

    // Bodies that came with entries and were not released.
    [[nodiscard]] std::uint64_t live_bodies() const { return bodies_ - released_.size(); }

    // The largest batch of an entry so far, in rows.
    [[nodiscard]] std::size_t largest_batch() const { return largest_batch_; }

    // Queues and subscriptions signalled by the last entry.
    [[nodiscard]] bool signalled_visible(model::QueueNo queue) const;
    [[nodiscard]] bool signalled_ready(model::SubscriptionNo subscription) const;

    // Puts a row as it would take too many commands to make it.
    void put_row(std::string key, std::string value);

    void check_invariants() const;

    static std::string describe(const model::Reply& reply);

  private:
    CoreDriver(std::unique_ptr<core::StateMachine> machine, model::SetId set, Options options);

    void account(const model::Entry& entry);

    Options options_;
    model::SetId set_;
    std::unique_ptr<core::StateMachine> machine_;
    std::unique_ptr<storage::RowStore> rows_;
    model::Effects effects_;
    std::set<model::MessageId> released_;
    std::uint64_t bodies_ = 0;
    std::size_t largest_batch_ = 0;
    std::uint64_t trace_ = 0;
    model::LogIndex index_ = 0;
    model::TimeMs now_ms_ = start_ms;
};

}  // namespace penstock::testing
