#include "lua/kv_view.h"

#include <charconv>
#include <utility>

namespace penstock::lua {
namespace {

using sinks::worker::Write;

std::optional<std::int64_t> number_in(const KvView::Value& value) {
    if (!value) return 0;
    std::int64_t number = 0;
    const char* past = value->data() + value->size();
    const auto [stop, failure] = std::from_chars(value->data(), past, number);
    if (failure != std::errc{} || stop != past) return std::nullopt;
    return number;
}

KvView::Problem sum(const std::string& key,
                    const KvView::Value& value,
                    std::int64_t amount,
                    std::int64_t& result) {
    const auto number = number_in(value);
    if (!number) return "the value of key '" + key + "' is not a whole number";
    if (__builtin_add_overflow(*number, amount, &result))
        return "the number of key '" + key + "' would be beyond 64 bits";
    return std::nullopt;
}

}  // namespace

const KvView::Value* KvView::find(const std::string& key) const {
    const auto found = known_.find(key);
    return found == known_.end() ? nullptr : &found->second;
}

KvView::Problem KvView::note_row(const std::string& key, Value value, std::uint64_t version) {
    reads_.push_back({key, version});
    const auto write = writes_.find(key);
    if (write != writes_.end() && write->second.kind == Write::Kind::add) {
        std::int64_t number = 0;
        const Problem problem = sum(key, value, write->second.amount, number);
        if (problem) return problem;
        value = std::to_string(number);
    }
    known_[key] = std::move(value);
    return std::nullopt;
}

void KvView::put(const std::string& key, std::string value, std::uint64_t ttl_ms) {
    known_[key] = value;
    writes_[key] = {key, Write::Kind::put, std::move(value), 0, ttl_ms};
}

void KvView::erase(const std::string& key) {
    known_[key] = std::nullopt;
    writes_[key] = {key, Write::Kind::erase, {}, 0, 0};
}

KvView::Problem KvView::add(const std::string& key, std::int64_t amount, std::uint64_t ttl_ms) {
    const auto write = writes_.find(key);
    const bool blind = write == writes_.end() || write->second.kind == Write::Kind::add;
    const auto known = known_.find(key);
    // An increment without a time to live leaves what the message has given the row.
    if (ttl_ms == 0 && write != writes_.end()) ttl_ms = write->second.ttl_ms;
    std::int64_t number = 0;
    if (known != known_.end()) {
        if (const Problem problem = sum(key, known->second, amount, number)) return problem;
        if (!blind) put(key, std::to_string(number), ttl_ms);
        known->second = std::to_string(number);
    }
    if (!blind) return std::nullopt;
    std::int64_t total = write == writes_.end() ? 0 : write->second.amount;
    if (__builtin_add_overflow(total, amount, &total))
        return "the sum for key '" + key + "' would be beyond 64 bits";
    writes_[key] = {key, Write::Kind::add, {}, total, ttl_ms};
    return std::nullopt;
}

KvView::Problem KvView::increase(const std::string& key,
                                 std::int64_t amount,
                                 std::uint64_t ttl_ms,
                                 std::int64_t& result) {
    if (const Problem problem = sum(key, known_[key], amount, result)) return problem;
    put(key, std::to_string(result), ttl_ms);
    return std::nullopt;
}

std::size_t KvView::write_bytes_besides(const std::string& key) const {
    std::size_t bytes = 0;
    for (const auto& [other, write] : writes_) {
        if (other != key) bytes += other.size() + write.value.size();
    }
    return bytes;
}

std::vector<Write> KvView::writes() const {
    std::vector<Write> writes;
    for (const auto& [key, write] : writes_) writes.push_back(write);
    return writes;
}

}  // namespace penstock::lua
