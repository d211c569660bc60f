// LogWorkload: a seeded stream of turns against a log store, with a model of what was acknowledged:
// entries, replaced suffixes, votes, starts, replaced logs with their body records, dropped sets.
// After a crash the model tells whether a reopened store holds all of it, and nothing that never
// was. Knows nothing of the store's insides. One test, one thread.
#pragma once

#include "broker/base/hash.h"
#include "broker/base/random.h"
#include "tests/storage/log/store_fixture.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace penstock::storage::testing {

// Shape and bytes of an entry follow from set, index and term alone.
EntryShape workload_shape(SetId set, LogIndex index, std::uint64_t term);

class LogWorkload final : public LiveBodies {
  public:
    explicit LogWorkload(std::uint64_t seed) : random_(seed) {}

    // Runs turns until one fails or `turns` are done; true: all done.
    bool run(LogStore& store, std::uint64_t turns);

    // What is wrong with the store; empty: it holds the acknowledged state, or that and the first
    // records of the turn that failed.
    [[nodiscard]] std::string check(const LogStore& store) const;

    // As the node would say when it opens the store.
    [[nodiscard]] LogIndex applied(SetId set) const;

    // As the node's rows would say after the last turn.
    [[nodiscard]] LogIndex droppable_to(SetId set) const override;
    [[nodiscard]] std::vector<std::uint32_t> live_ordinals(SetId set,
                                                           LogIndex index) const override;

    // Takes the store's state as the acknowledged one, and counts its live bodies.
    void adopt(LogStore& store);

    [[nodiscard]] std::uint64_t turns_done() const { return turns_done_; }

  private:
    struct SetModel {
        std::map<LogIndex, std::uint64_t> terms;  // of all that was written and is not void
        LogIndex last = 0;
        LogStart start;
        HardState hard_state;
        std::set<std::pair<LogIndex, std::uint32_t>> dropped;  // bodies held by nobody
    };

    using Model = std::map<SetId, SetModel>;

    struct Append {
        SetId set;
        LogIndex index = 0;
        std::uint64_t term = 0;
    };

    struct Vote {
        SetId set;
        HardState state;
    };

    struct Start {
        SetId set;
        LogStart start;
    };

    struct Replace {
        SetId set;
        LogStart start;
    };

    struct Body {
        SetId set;
        LogIndex index = 0;
        std::uint64_t term = 0;
    };

    struct Drop {
        SetId set;
    };

    using Change = std::variant<Append, Vote, Start, Replace, Body, Drop>;

    static void apply(const Change& change, Model& model);
    static EntryRecord body_record(const Body& body);
    bool turn(LogStore& store);
    void stage_some(LogStore& store, Model& staged);
    void stage_rare(LogStore& store, SetId set, Model& staged);
    void stage(LogStore& store, const Change& change, Model& staged);
    void flush_some();
    void release_some(LogStore& store);
    [[nodiscard]] LogIndex flushed(SetId set) const;
    [[nodiscard]] std::string mismatch(const LogStore& store, const Model& model) const;
    [[nodiscard]] std::string check_log(const LogStore& store,
                                        SetId set,
                                        const SetModel& model) const;
    [[nodiscard]] std::string check_held(const LogStore& store, const Model& model) const;

    SeededRandom random_;
    Model acknowledged_;
    std::vector<Change> failed_;  // the turn that was not acknowledged
    std::vector<Body> later_;     // body records of a replaced log that go into the next turn
    std::map<SetId, LogIndex> flushed_;
    std::map<SetId, LogIndex> highest_;  // index ever written
    std::uint64_t turns_done_ = 0;
};

}  // namespace penstock::storage::testing
