#include "tests/support/core_driver.h"

#include "broker/base/check.h"
#include "broker/base/hash.h"
#include "tests/support/core_invariants.h"

#include <algorithm>

namespace penstock::testing {

namespace {

// A machine that asks for more Ticks than this at one moment never comes to rest.
constexpr std::uint32_t ticks_at_once_max = 100'000;

std::unique_ptr<storage::RowStore> open_rows(const std::string& rocks_folder) {
    if (rocks_folder.empty()) return storage::make_memory_rows();
    auto rows = storage::open_rocks_rows(rocks_folder, {});
    check(rows.has_value(), "rows open in an empty folder");
    return std::move(*rows);
}

}  // namespace

model::BodyInfo body(std::uint32_t bytes, std::vector<std::string> tags) {
    model::BodyInfo info;
    info.payload_bytes = bytes;
    info.meta.tags = std::move(tags);
    return info;
}

model::BodyInfo routed_body(std::string routing_key) {
    model::BodyInfo info;
    info.payload_bytes = 10;
    info.meta.routing_key = std::move(routing_key);
    return info;
}

CoreDriver::CoreDriver(std::unique_ptr<core::StateMachine> machine,
                       model::SetId set,
                       Options options)
    : options_(std::move(options)),
      set_(set),
      machine_(std::move(machine)),
      rows_(open_rows(options_.rocks_folder)) {}

CoreDriver CoreDriver::data_set(const Options& options) {
    CoreDriver driver(core::make_data_set(), options.set, options);
    model::InitSet init;
    init.receipt_key = {0x0123'4567'89AB'CDEFULL, 0xFEDC'BA98'7654'3210ULL};
    driver.done(init);
    return driver;
}

CoreDriver CoreDriver::name_set() {
    return CoreDriver(core::make_name_set(), model::names_set, Options{0, 0, {}});
}

std::vector<model::Reply> CoreDriver::apply(std::vector<model::Command> commands,
                                            std::vector<model::BodyInfo> bodies) {
    model::Entry entry;
    entry.set = set_;
    entry.term = 1;
    entry.index = ++index_;
    entry.time_ms = now_ms_;
    entry.commands = std::move(commands);
    entry.bodies = std::move(bodies);
    entry.level = options_.level;
    effects_ = machine_->apply(entry, *rows_);
    EXPECT_TRUE(rows_->apply(effects_.batch, index_));
    EXPECT_EQ(effects_.replies.size(), entry.commands.size());
    account(entry);
    if (options_.drop_caches_every > 0 && index_ % options_.drop_caches_every == 0) {
        machine_->drop_caches();
    }
    if (options_.check_invariants_every > 0 && index_ % options_.check_invariants_every == 0) {
        check_invariants();
    }
    return effects_.replies;
}

void CoreDriver::account(const model::Entry& entry) {
    bodies_ += entry.bodies.size();
    for (const model::Release& release : effects_.releases) {
        const bool fresh =
            released_.insert(model::MessageId{set_, release.index, release.ordinal}).second;
        EXPECT_TRUE(fresh) << "body " << release.index << "/" << release.ordinal
                           << " is released twice";
    }
    largest_batch_ = std::max(largest_batch_, effects_.batch.size());
    for (const model::RowWrite& write : effects_.batch) {
        trace_ = hash64(write.key, trace_ + static_cast<std::uint64_t>(write.kind));
        trace_ = hash64(write.value, trace_);
    }
    for (const model::Reply& reply : effects_.replies) {
        trace_ = hash64(model::encode_reply(reply), trace_);
    }
    trace_ = mix64(trace_ ^ static_cast<std::uint64_t>(effects_.wake_ms.value_or(-1)));
}

model::Reason CoreDriver::refused(model::Command command, std::vector<model::BodyInfo> bodies) {
    return apply_as<model::Refusal>(std::move(command), std::move(bodies)).reason;
}

void CoreDriver::advance(model::TimeMs pause_ms) {
    const model::TimeMs until = now_ms_ + pause_ms;
    run_due();
    while (effects_.wake_ms && *effects_.wake_ms <= until) {
        now_ms_ = std::max(now_ms_, *effects_.wake_ms);
        run_due();
    }
    now_ms_ = until;
}

std::uint32_t CoreDriver::run_due() {
    std::uint32_t ticks = 0;
    while (effects_.wake_ms && *effects_.wake_ms <= now_ms_) {
        apply({model::Tick{}});
        if (++ticks < ticks_at_once_max) continue;
        ADD_FAILURE() << "the machine asks for Ticks for ever";
        return ticks;
    }
    return ticks;
}

bool CoreDriver::signalled_visible(model::QueueNo queue) const {
    return std::count(effects_.visible.begin(), effects_.visible.end(), queue) > 0;
}

bool CoreDriver::signalled_ready(model::SubscriptionNo subscription) const {
    return std::count(effects_.ready.begin(), effects_.ready.end(), subscription) > 0;
}

void CoreDriver::put_row(std::string key, std::string value) {
    EXPECT_TRUE(
        rows_->apply({{model::RowWrite::Kind::put, std::move(key), std::move(value)}}, index_));
    machine_->drop_caches();
}

void CoreDriver::check_invariants() const {
    for (const std::string& problem : broken_invariants(*rows_, effects_, now_ms_)) {
        ADD_FAILURE() << "after entry " << index_ << ": " << problem;
    }
}

std::string CoreDriver::describe(const model::Reply& reply) {
    if (const auto* refusal = std::get_if<model::Refusal>(&reply)) {
        return "refused, " + std::string(model::to_text(refusal->reason)) + ": " + refusal->detail;
    }
    return "reply number " + std::to_string(reply.index());
}

}  // namespace penstock::testing
