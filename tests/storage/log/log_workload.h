// LogWorkload: a seeded stream of turns against a log store, with a model of what was acknowledged.
// After a crash the model tells whether a reopened store holds all of it, and nothing that never
// was. Knows nothing of the store's insides. One test, one thread.
#pragma once

#include "broker/base/hash.h"
#include "broker/base/random.h"
#include "tests/storage/log/store_fixture.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
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

    // As the node's rows would say after the last turn.
    [[nodiscard]] LogIndex droppable_to(SetId set) const override;
    [[nodiscard]] std::vector<std::uint32_t> live_ordinals(SetId set,
                                                           LogIndex index) const override;

    // Takes the store's state as the acknowledged one, and counts its live bodies.
    void adopt(LogStore& store);

    [[nodiscard]] std::uint64_t turns_done() const { return turns_done_; }

  private:
    struct SetModel {
        std::vector<std::uint64_t> terms;  // of entry index - 1
        HardState hard_state;
        friend bool operator==(const SetModel&, const SetModel&) = default;
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

    using Change = std::variant<Append, Vote>;

    static void apply(const Change& change, Model& model);
    bool turn(LogStore& store);
    void stage(LogStore& store, const Change& change, Model& staged);
    void release_some(LogStore& store);
    [[nodiscard]] std::string differs(const LogStore& store, const Model& model) const;
    [[nodiscard]] std::string check_entries(const LogStore& store,
                                            SetId set,
                                            const SetModel& model) const;
    [[nodiscard]] std::string check_held(const LogStore& store, const Model& model) const;

    SeededRandom random_;
    Model acknowledged_;
    std::vector<Change> failed_;  // the turn that was not acknowledged
    std::map<SetId, LogIndex> flushed_;
    std::set<MessageId> dropped_;  // released, held by nobody
    std::uint64_t turns_done_ = 0;
};

}  // namespace penstock::storage::testing
