#include "broker/core/kv.h"

#include "broker/core/refusals.h"
#include "broker/core/timers.h"

#include <charconv>
#include <map>

namespace penstock::core {

using model::KvWrite;

namespace {

std::optional<KvEntry> load_live(const Turn& turn, ObjectNo subscription, std::string_view key) {
    auto row = turn.load<KvEntry>(keys::kv(subscription, key));
    if (row && row->expires_ms > 0 && row->expires_ms <= turn.now()) return {};
    return row;
}

std::uint64_t bytes_of(std::string_view key, std::string_view value) {
    return key.size() + value.size();
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

std::optional<model::Refusal> check_shape(const KvWrite& write) {
    if (write.key.empty() || write.key.size() > model::kv_key_bytes_max) {
        return refuse_write(
            write.key, "a kv key has 1 to " + std::to_string(model::kv_key_bytes_max) + " bytes");
    }
    if (write.value.size() <= model::kv_value_bytes_max) return {};
    return refuse_write(
        write.key,
        "a kv value has at most " + std::to_string(model::kv_value_bytes_max) + " bytes");
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
    if (write.ttl_ms > 0) {
        row.expires_ms = turn.now() + static_cast<TimeMs>(write.ttl_ms);
        arm_timer(
            turn, row.expires_ms, TimerKind::kv_expiry, subscription, ++totals.timers, write.key);
    }
    turn.put(key, encode(row));
    turn.put(keys::kv_totals(subscription), encode(totals));
}

}  // namespace

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
    std::map<std::string, std::optional<std::string>> written;  // within these writes
    for (const KvWrite& write : writes) {
        if (auto refusal = check_shape(write)) return refusal;
        const auto known = written.find(write.key);
        std::optional<std::string> before;
        if (known != written.end()) {
            before = known->second;
        } else if (auto row = load_live(turn, subscription, write.key)) {
            before = std::move(row->value);
        }
        std::optional<std::string> after;
        if (write.kind == KvWrite::Kind::put) after = write.value;
        if (write.kind == KvWrite::Kind::add) {
            auto sum = added(write, before);
            if (!sum) return sum.error();
            after = std::move(*sum);
        }
        if (after) bytes += bytes_of(write.key, *after);
        written[write.key] = std::move(after);
    }
    if (bytes <= model::kv_bytes_max) return {};
    return refuse_write(writes.front().key,
                        "the function's kv store holds at most " +
                            std::to_string(model::kv_bytes_max >> 20) + " MiB");
}

void apply_writes(Turn& turn, ObjectNo subscription, const std::vector<KvWrite>& writes) {
    for (const KvWrite& write : writes) {
        if (write.kind == KvWrite::Kind::erase) {
            erase_row(turn, subscription, write.key);
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

void kv_expired(Turn& turn, ObjectNo subscription, std::string_view key) {
    const auto row = turn.load<KvEntry>(keys::kv(subscription, key));
    if (!row || row->expires_ms == 0 || row->expires_ms > turn.now()) return;
    erase_row(turn, subscription, key);
}

void erase_function(Turn& turn, ObjectNo subscription) {
    for (const char kind : {'c', 'n', 'o'}) {
        turn.erase_range(keys::prefix(kind, subscription), keys::prefix_end(kind, subscription));
    }
}

}  // namespace penstock::core
