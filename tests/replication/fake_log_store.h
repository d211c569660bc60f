// FakeLogStore: entries in a vector, staged until sync(). Stands in for the segment files where a
// test is about the Log above them. What was staged and not synced is gone after forget_unsynced().
#pragma once

#include "broker/storage/log/log_store.h"

#include <map>
#include <set>
#include <utility>
#include <vector>

namespace penstock::replication::testing {

class FakeLogStore final : public storage::LogStore {
  public:
    struct SetLog {
        std::vector<storage::EntryRecord> entries;  // dense, the first one has index `first`
        model::LogIndex first = 1;
        std::size_t durable = 0;
        storage::HardState hard_state;
    };

    std::map<model::SetId, SetLog> logs;
    std::vector<std::pair<model::SetId, storage::HardState>> hard_states_written;
    std::set<model::MessageId> gone;  // bodies that were rewritten away

    void forget_unsynced() {
        for (auto& [set, log] : logs) log.entries.resize(log.durable);
    }

    [[nodiscard]] Range range(model::SetId set) const override {
        const auto found = logs.find(set);
        if (found == logs.end()) return {};
        return {found->second.first, found->second.first + found->second.entries.size() - 1};
    }

    [[nodiscard]] storage::HardState hard_state(model::SetId set) const override {
        const auto found = logs.find(set);
        return found == logs.end() ? storage::HardState{} : found->second.hard_state;
    }

    [[nodiscard]] std::string conf_state(model::SetId) const override { return {}; }

    void append(storage::EntryRecord record) override {
        logs[record.set].entries.push_back(std::move(record));
    }

    void append_hard_state(model::SetId set, const storage::HardState& state) override {
        logs[set].hard_state = state;
        hard_states_written.emplace_back(set, state);
    }

    void append_conf_state(model::SetId, std::string_view) override {}

    Result<void> sync() override {
        for (auto& [set, log] : logs) log.durable = log.entries.size();
        return {};
    }

    Result<void> scan(model::SetId set,
                      model::LogIndex first,
                      const VisitEntry& visit) const override {
        const auto found = logs.find(set);
        if (found == logs.end()) return {};
        for (const storage::EntryRecord& record : found->second.entries) {
            if (record.index < first) continue;
            storage::StoredEntry entry{
                record.set, record.term, record.index, record.time_ms, record.commands, {}};
            for (std::uint32_t at = 0; at < record.bodies.size(); ++at) {
                const bool present = !gone.contains(model::MessageId{set, record.index, at});
                entry.bodies.push_back({present, record.bodies[at]});
            }
            if (!visit(entry)) return {};
        }
        return {};
    }

    [[nodiscard]] Result<storage::BodySource> find(model::MessageId) const override {
        return error(Errc::not_found, "the fake store serves no bodies");
    }

    void count_live(model::SetId, model::LogIndex, std::uint32_t) override {}

    void recount_done() override {}

    void release(model::SetId, model::LogIndex, std::uint32_t) override {}

    Result<bool> reclaim(const storage::LiveBodies&) override { return false; }

    Result<std::vector<model::MessageId>> scrub(std::uint64_t) override {
        return std::vector<model::MessageId>{};
    }

    [[nodiscard]] storage::SpaceLevel space() const override { return storage::SpaceLevel::normal; }

    [[nodiscard]] storage::LogStoreStats stats() const override { return {}; }
};

}  // namespace penstock::replication::testing
