#include "broker/core/kv.h"

#include "broker/core/refusals.h"
#include "broker/core/timers.h"

#include <charconv>
#include <map>

namespace penstock::core {

using model::KvWrite;

namespace {

bool is_over(const KvEntry& row, TimeMs now_ms) {
    return row.expires_ms > 0 && row.expires_ms <= now_ms;
}

std::optional<KvEntry> load_live(const Turn& turn, ObjectNo subscription, std::string_view key) {
    auto row = turn.load<KvEntry>(keys::kv(subscription, key));
    if (row && is_over(*row, turn.now())) return {};
    return row;
}

std::uint64_t bytes_of(std::string_view key, std::string_view value) {
    return key.size() + value.size();
}

// A row while writes are judged: its value, if it has one, and the bytes it takes.
struct Planned {
    std::optional<std::string> value;
    std::uint64_t bytes = 0;
};

Planned stored(const Turn& turn, ObjectNo subscription, const std::string& key) {
    Planned planned;
    auto row = turn.load<KvEntry>(keys::kv(subscription, key));
    if (!row) return planned;
    planned.bytes = bytes_of(key, row->value);
    if (!is_over(*row, turn.now())) planned.value = std::move(row->value);
    return planned;
}

std::optional<std::int64_t> integer(const std::string& text) {
    std::int64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, failed] = std::from_chars(text.data(), end, value);
    if (failed != std::errc{} || stopped != end) return {};
    return value;
}

model::Refusal refuse_write(const std::string& key, std::string detail) {
    return refuse(model::Reason::invalid_parameter, key, std::move(detail));
}

// The sum as text, or why there is none.
model::Outcome<std::string> added(const KvWrite& write, const std::optional<std::string>& before) {
    const auto number = before ? integer(*before) : std::int64_t{0};
    if (!number) {
        return refuse_write(write.key, "kv:add to \"" + write.key + "\": its value is no integer");
    }
    std::int64_t sum = 0;
    if (__builtin_add_overflow(*number, write.amount, &sum)) {
        return refuse_write(write.key, "kv:add to \"" + write.key + "\": beyond 64 bits");
    }
    return std::to_string(sum);
}

void erase_row(Turn& turn, ObjectNo subscription, std::string_view key) {
    const auto row = turn.load<KvEntry>(keys::kv(subscription, key));
    if (!row) return;
    auto totals = turn.load<KvTotals>(keys::kv_totals(subscription)).value_or(KvTotals{});
    --totals.rows;
    totals.bytes -= bytes_of(key, row->value);
    turn.erase(keys::kv(subscription, key));
    turn.put(keys::kv_totals(subscription), encode(totals));
}

// A row that a timer stands for stays, over and empty, until that fires: the next one under the
// same key needs no further timer.
void end_row(Turn& turn, ObjectNo subscription, std::string_view key) {
    auto row = turn.load<KvEntry>(keys::kv(subscription, key));
    if (!row || row->armed_ms == 0) return erase_row(turn, subscription, key);
    auto totals = turn.load<KvTotals>(keys::kv_totals(subscription)).value_or(KvTotals{});
    totals.bytes -= row->value.size();
    row->value.clear();
    row->expires_ms = turn.now();
    turn.put(keys::kv(subscription, key), encode(*row));
    turn.put(keys::kv_totals(subscription), encode(totals));
}

// One timer a row: a later end is waited for when that fires.
void arm_expiry(
    Turn& turn, ObjectNo subscription, std::string_view key, KvEntry& row, KvTotals& totals) {
    if (row.expires_ms == 0 || (row.armed_ms > 0 && row.armed_ms <= row.expires_ms)) return;
    row.armed_ms = row.expires_ms;
    arm_timer(
        turn, row.armed_ms, TimerKind::kv_expiry, subscription, ++totals.timers, std::string(key));
}

void put_row(Turn& turn, ObjectNo subscription, const KvWrite& write, std::string value) {
    const std::string key = keys::kv(subscription, write.key);
    const auto before = turn.load<KvEntry>(key);
    auto totals = turn.load<KvTotals>(keys::kv_totals(subscription)).value_or(KvTotals{});
    if (before) {
        totals.bytes -= bytes_of(write.key, before->value);
    } else {
        ++totals.rows;
    }
    totals.bytes += bytes_of(write.key, value);
    KvEntry row;
    row.version = turn.entry().index;
    row.value = std::move(value);
    if (before) row.armed_ms = before->armed_ms;
    const bool keeps_its_end = write.kind == KvWrite::Kind::add && write.ttl_ms == 0;
    if (write.ttl_ms > 0) row.expires_ms = turn.now() + static_cast<TimeMs>(write.ttl_ms);
    if (keeps_its_end && before && !is_over(*before, turn.now())) {
        row.expires_ms = before->expires_ms;
    }
    arm_expiry(turn, subscription, write.key, row, totals);
    turn.put(key, encode(row));
    turn.put(keys::kv_totals(subscription), encode(totals));
}

}  // namespace

std::optional<model::Refusal> check_shape(const KvWrite& write) {
    if (write.key.empty() || write.key.size() > model::kv_key_bytes_max) {
        return refuse_write(
            write.key, "a kv key has 1 to " + std::to_string(model::kv_key_bytes_max) + " bytes");
    }
    if (write.value.size() > model::kv_value_bytes_max) {
        return refuse_write(
            write.key,
            "a kv value has at most " + std::to_string(model::kv_value_bytes_max) + " bytes");
    }
    if (write.ttl_ms <= model::kv_ttl_ms_max) return {};
    return refuse_write(write.key,
                        "a kv row lives at most " +
                            std::to_string(model::kv_ttl_ms_max / 86'400'000) +
                            " days, or for ever");
}

bool reads_hold(const Turn& turn, ObjectNo subscription, const std::vector<model::KvRead>& reads) {
    for (const model::KvRead& read : reads) {
        const auto row = load_live(turn, subscription, read.key);
        if ((row ? row->version : 0) != read.version) return false;
    }
    return true;
}

std::optional<model::Refusal> check_writes(Turn& turn,
                                           ObjectNo subscription,
                                           const std::vector<KvWrite>& writes) {
    if (writes.empty()) return {};
    const auto totals = turn.load<KvTotals>(keys::kv_totals(subscription)).value_or(KvTotals{});
    std::uint64_t bytes = totals.bytes;
    std::map<std::string, Planned> rows;  // as these writes leave them
    for (const KvWrite& write : writes) {
        if (auto refusal = check_shape(write)) return refusal;
        const auto [at, fresh] = rows.try_emplace(write.key);
        Planned& row = at->second;
        if (fresh) row = stored(turn, subscription, write.key);
        bytes -= row.bytes;
        if (write.kind == KvWrite::Kind::put) row.value = write.value;
        if (write.kind == KvWrite::Kind::erase) row.value.reset();
        if (write.kind == KvWrite::Kind::add) {
            auto sum = added(write, row.value);
            if (!sum) return sum.error();
            row.value = std::move(*sum);
        }
        row.bytes = row.value ? bytes_of(write.key, *row.value) : 0;
        bytes += row.bytes;
    }
    if (bytes <= model::kv_bytes_max || bytes <= totals.bytes) return {};
    return refuse_write(writes.front().key,
                        "the function's kv store holds at most " +
                            std::to_string(model::kv_bytes_max >> 20) + " MiB");
}

void apply_writes(Turn& turn, ObjectNo subscription, const std::vector<KvWrite>& writes) {
    for (const KvWrite& write : writes) {
        if (write.kind == KvWrite::Kind::erase) {
            end_row(turn, subscription, write.key);
        } else if (write.kind == KvWrite::Kind::put) {
            put_row(turn, subscription, write, write.value);
        } else {
            auto row = load_live(turn, subscription, write.key);
            std::optional<std::string> before;
            if (row) before = std::move(row->value);
            auto sum = added(write, before);
            if (sum) put_row(turn, subscription, write, std::move(*sum));
        }
    }
}

void kv_expired(Turn& turn, ObjectNo subscription, std::string_view key, TimeMs due_ms) {
    auto row = turn.load<KvEntry>(keys::kv(subscription, key));
    if (!row) return;
    if (is_over(*row, turn.now())) return erase_row(turn, subscription, key);
    if (row->armed_ms != due_ms) return;  // an earlier one stands for the row by now
    auto totals = turn.load<KvTotals>(keys::kv_totals(subscription)).value_or(KvTotals{});
    row->armed_ms = 0;
    arm_expiry(turn, subscription, key, *row, totals);
    turn.put(keys::kv(subscription, key), encode(*row));
    turn.put(keys::kv_totals(subscription), encode(totals));
}

void erase_function(Turn& turn, ObjectNo subscription) {
    for (const char kind : {'c', 'n', 'o'}) {
        turn.erase_range(keys::prefix(kind, subscription), keys::prefix_end(kind, subscription));
    }
}

}  // namespace penstock::core
