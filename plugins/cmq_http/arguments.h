// ParameterSpec says what a parameter may be; validate() checks a request against a list of them;
// Arguments is the typed view handlers read afterwards. Pure, one thread.
#pragma once

#include "plugins/cmq_http/parameters.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::plugins::cmq {

enum class Type {
    new_queue,     // a queue's name as users may give it
    queue,         // the same, or the dotted name of an automatic dead-letter queue
    topic,         // names
    subscription,  //
    integer,       // decimal, `min` to `max`
    text,          // `min` to `max` bytes
    word,          // `min` to `max` characters
    key,           // dotted words: `max` bytes, at most key_dots_max dots; empty is absent
    body,          // of a message: 1 to `max` bytes
    choice,        // judged by its handler
};

struct ParameterSpec {
    std::string_view name;
    Type type = Type::text;
    bool required = false;
    std::int64_t min = 0;
    std::int64_t max = std::numeric_limits<std::int64_t>::max();
    Fault beyond = faults::out_of_range;  // outside min and max
    std::size_t items_max = 0;            // > 0: a list, `name`.0 or .1 onwards
    Fault too_many = faults::batch_size;  // items
};

// none, or why the request does not fit.
Failure validate(const std::vector<ParameterSpec>& specs, const Parameters& parameters);

// Reads what validate() has found good.
class Arguments {
  public:
    explicit Arguments(const Parameters& parameters) : parameters_(parameters) {}

    [[nodiscard]] bool has(std::string_view name) const;

    // Empty when absent.
    [[nodiscard]] std::string text(std::string_view name) const;

    [[nodiscard]] std::optional<std::int64_t> integer(std::string_view name) const;

    [[nodiscard]] std::optional<std::uint32_t> small(std::string_view name) const;

    [[nodiscard]] std::vector<std::string> list(std::string_view name) const;

  private:
    const Parameters& parameters_;
};

}  // namespace penstock::plugins::cmq
