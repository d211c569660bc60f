#include "tests/bench/budget/rig.h"

#include "tests/bench/budget/counting_store.h"
#include "tests/support/heap_use.h"

#include <memory>

namespace penstock::budget {

namespace {

constexpr int steps_max = 100'000;
constexpr std::uint64_t all_in_one = 512ULL << 20;  // one segment, one memtable

node::NodeOptions options_in(const std::string& folder, std::uint16_t data_sets) {
    node::NodeOptions options;
    options.data_folder = folder;
    options.data_sets = data_sets;
    options.dev = true;
    options.log.segment_bytes = all_in_one;
    options.log.reserve_segments = 0;
    options.rows.memtable_bytes = all_in_one;
    return options;
}

}  // namespace

Rig::Rig(std::uint16_t data_sets) {
    const auto options = options_in(folder_.file("data"), data_sets);
    const auto open_rows = [this, rows = options.rows](const std::string& folder) {
        auto below = storage::open_rocks_rows(folder, rows);
        using Opened = Result<std::unique_ptr<storage::RowStore>>;
        if (!below) return Opened(below.error());
        return Opened(std::make_unique<CountingStore>(std::move(*below), spent_));
    };
    node_.emplace(node::Node::World{disk_, clock, random_, offload_, open_rows}, options);
    const auto opened = node_->open();
    check(opened.has_value(), opened ? "" : opened.error().detail.c_str());
    node_->attach(taken_);
    settle_down();
}

Spent Rig::spent() const {
    Spent all = spent_;
    const testing::HeapUse heap = testing::heap_use();
    all.add(Figure::allocations, heap.allocations);
    all.add(Figure::heap_bytes, heap.bytes);
    return all;
}

void Rig::settle(api::Dispatch::Settlement settlement) {
    bool durable = false;
    node_->settle(std::move(settlement),
                  [&durable](const api::Dispatch::Settled& /*settled*/) { durable = true; });
    for (int turn = 0; turn < steps_max && !durable; ++turn) step();
    check(durable, "outcomes become durable without time going on");
}

std::vector<api::Delivery> Rig::take(model::SubscriptionNo subscription, std::uint32_t count) {
    node_->grant(subscription, count);
    for (int turn = 0; turn < steps_max && taken_.deliveries.size() < count; ++turn) step();
    check(taken_.deliveries.size() == count, "what is ready is handed out");
    return std::exchange(taken_.deliveries, {});
}

void Rig::settle_down() {
    for (int turn = 0; turn < steps_max; ++turn) {
        step();
        if (node_->next_wake_us() > clock.steady_us()) return;
    }
    check(false, "the node never comes to rest");
}

void Rig::step() {
    const auto stepped = node_->step();
    check(stepped.has_value(), stepped ? "" : stepped.error().detail.c_str());
}

void Rig::step_until_answered() {
    for (int turn = 0; turn < steps_max && answered_ < asked_; ++turn) step();
    check(answered_ == asked_, "a request is answered without time going on");
}

}  // namespace penstock::budget
