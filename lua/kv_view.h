// KvView: the key-value rows as one message sees them: what it has read, and its own writes on top.
// Gives what travels with the answer: one write a key and the version of every row it read. A value
// of one Run; pure; errors are texts for the script.
#pragma once

#include "sinks/worker/protocol.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::lua {

class KvView {
  public:
    using Value = std::optional<std::string>;  // nothing: there is no such row
    using Problem = std::optional<std::string>;

    // What the message would read, if that is known without asking.
    [[nodiscard]] const Value* find(const std::string& key) const;

    // The row as the server has it; increments made before it was known are applied.
    Problem note_row(const std::string& key, Value value, std::uint64_t version);

    void put(const std::string& key, std::string value, std::uint64_t ttl_ms);
    void erase(const std::string& key);
    Problem add(const std::string& key, std::int64_t amount, std::uint64_t ttl_ms);

    // Needs the row to be known; gives the new number.
    Problem increase(const std::string& key,
                     std::int64_t amount,
                     std::uint64_t ttl_ms,
                     std::int64_t& result);

    [[nodiscard]] std::size_t reads_count() const { return reads_.size(); }

    [[nodiscard]] std::size_t writes_count() const { return writes_.size(); }

    // Of the keys that are written, and of all but `key` what they and their values take.
    [[nodiscard]] bool writes_key(const std::string& key) const { return writes_.contains(key); }

    [[nodiscard]] std::size_t write_bytes_besides(const std::string& key) const;

    [[nodiscard]] std::vector<sinks::worker::Read> reads() const { return reads_; }

    [[nodiscard]] std::vector<sinks::worker::Write> writes() const;

  private:
    std::map<std::string, Value> known_;
    std::map<std::string, sinks::worker::Write> writes_;
    std::vector<sinks::worker::Read> reads_;
};

}  // namespace penstock::lua
