// FakeLogStore: entries in a vector, staged until sync(). Stands in for the segment files where a
// test is about the Log above them. What is staged is read at once, and gone after
// forget_unsynced().
#pragma once

#include "broker/storage/log/log_store.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace penstock::replication::testing {

class FakeLogStore final : public storage::LogStore {
  public:
    struct SetLog {
        std::vector<storage::EntryRecord> entries;  // dense, the first one has index `first`
        model::LogIndex first = 1;
        storage::LogStart start;
        storage::HardState hard_state;
        std::string conf_state;
        std::vector<storage::EntryRecord> bodies;  // at or below the start
    };

    std::map<model::SetId, SetLog> logs;  // with what is staged
    std::vector<std::pair<model::SetId, storage::HardState>> hard_states_written;
    std::set<model::MessageId> gone;  // bodies that were rewritten away

    void forget_unsynced() { logs = durable_; }

    [[nodiscard]] Range range(model::SetId set) const override {
        const auto found = logs.find(set);
        if (found == logs.end()) return {};
        const SetLog& log = found->second;
        return {std::max(log.first, log.start.index + 1), last_of(log)};
    }

    [[nodiscard]] storage::HardState hard_state(model::SetId set) const override {
        const auto found = logs.find(set);
        return found == logs.end() ? storage::HardState{} : found->second.hard_state;
    }

    [[nodiscard]] std::string conf_state(model::SetId set) const override {
        const auto found = logs.find(set);
        return found == logs.end() ? std::string{} : found->second.conf_state;
    }

    [[nodiscard]] storage::LogStart start(model::SetId set) const override {
        const auto found = logs.find(set);
        return found == logs.end() ? storage::LogStart{} : found->second.start;
    }

    [[nodiscard]] Result<std::vector<storage::EntryFacts>> facts(
        model::SetId set, model::LogIndex first, std::size_t count_max) const override {
        if (first < range(set).first) return error(Errc::not_found, "compacted");
        std::vector<storage::EntryFacts> found;
        const auto scanned = scan(set, first, [&](const storage::StoredEntry& entry) {
            if (found.size() == count_max) return false;
            std::uint64_t bytes = entry.commands.size();
            for (const storage::StoredBodyView& body : entry.bodies) bytes += body.bytes.size();
            found.push_back({entry.term, entry.index, entry.kind, bytes});
            return true;
        });
        if (!scanned) return scanned.error();
        return found;
    }

    [[nodiscard]] Result<std::uint64_t> term_of(model::SetId set,
                                                model::LogIndex index) const override {
        if (index != 0 && index == start(set).index) return start(set).term;
        const auto found = facts(set, index, 1);
        if (!found) return found.error();
        if (found->empty()) return error(Errc::not_found, "behind the last entry");
        return found->front().term;
    }

    void append(storage::EntryRecord record) override {
        SetLog& log = logs[record.set];
        if (record.index <= last_of(log)) log.entries.resize(record.index - log.first);
        log.entries.push_back(std::move(record));
    }

    void append_hard_state(model::SetId set, const storage::HardState& state) override {
        logs[set].hard_state = state;
        hard_states_written.emplace_back(set, state);
    }

    void append_conf_state(model::SetId set, std::string_view state) override {
        logs[set].conf_state = state;
    }

    void append_start(model::SetId set, storage::LogStart start) override {
        logs[set].start = start;
    }

    void replace_log(model::SetId set, storage::LogStart start) override {
        SetLog& log = logs[set];
        log.entries.clear();
        log.bodies.clear();
        log.first = start.index + 1;
        log.start = start;
    }

    void append_body(storage::EntryRecord record) override {
        logs[record.set].bodies.push_back(std::move(record));
    }

    void drop_set(model::SetId set) override { logs.erase(set); }

    Result<void> sync() override {
        durable_ = logs;
        return {};
    }

    Result<void> scan(model::SetId set,
                      model::LogIndex first,
                      const VisitEntry& visit) const override {
        const auto found = logs.find(set);
        if (found == logs.end()) return {};
        visit_all(found->second.entries, std::max(first, start(set).index + 1), visit);
        return {};
    }

    Result<void> scan_records(model::SetId set,
                              model::LogIndex first,
                              const VisitEntry& visit) const override {
        const auto found = logs.find(set);
        if (found == logs.end()) return {};
        if (visit_all(found->second.bodies, first, visit)) {
            visit_all(found->second.entries, first, visit);
        }
        return {};
    }

    [[nodiscard]] Result<std::vector<storage::SealedRecords>> sealed_records(
        model::SetId, model::LogIndex, std::size_t) const override {
        return std::vector<storage::SealedRecords>{};
    }

    [[nodiscard]] std::shared_ptr<const storage::LogPin> pin(model::SetId) override {
        return std::make_shared<storage::LogPin>();
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

    bool repair(storage::EntryRecord) override { return false; }

    [[nodiscard]] storage::SpaceLevel space() const override { return storage::SpaceLevel::normal; }

    [[nodiscard]] std::uint64_t syncs() const override { return 0; }

    [[nodiscard]] storage::LogStoreStats stats() const override { return {}; }

  private:
    static model::LogIndex last_of(const SetLog& log) { return log.first + log.entries.size() - 1; }

    bool visit_all(const std::vector<storage::EntryRecord>& records,
                   model::LogIndex first,
                   const VisitEntry& visit) const {
        for (const storage::EntryRecord& record : records) {
            if (record.index < first) continue;
            storage::StoredEntry entry{
                record.set, record.term, record.index, record.time_ms, record.commands, {}};
            entry.kind = record.kind;
            for (std::uint32_t at = 0; at < record.bodies.size(); ++at) {
                const bool absent =
                    gone.contains(model::MessageId{record.set, record.index, at}) ||
                    std::binary_search(record.absent.begin(), record.absent.end(), at);
                entry.bodies.push_back({!absent, record.bodies[at]});
            }
            if (!visit(entry)) return false;
        }
        return true;
    }

    std::map<model::SetId, SetLog> durable_;
};

}  // namespace penstock::replication::testing
