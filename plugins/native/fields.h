// Fields: the parameters of one request, from a JSON object or a query, read one by one with their
// ranges. Strict: a field nobody knows, a wrong type or a value out of range is a Problem that
// names it. Only the first problem is kept; after it every read gives nothing. One request, one
// thread.
#pragma once

#include "plugins/native/problem.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::plugins::native {

struct Range {
    std::uint64_t min = 0;
    std::uint64_t max = 0;
    std::string_view unit{};  // of a number; empty: it is a count
};

class Fields {
  public:
    enum class Source { json, query };

    // `prefix` goes before names in problems ("http." of a nested object).
    Fields(Source source,
           boost::json::object values,
           const std::vector<std::string_view>& known,
           std::string prefix = {});

    // Of a request whose bytes already are a problem.
    explicit Fields(Problem problem) : problem_(std::move(problem)) {}

    [[nodiscard]] bool has(std::string_view name) const { return values_.contains(name); }

    // The field is there and is JSON's null.
    [[nodiscard]] bool is_null(std::string_view name) const;

    std::optional<std::uint64_t> whole(std::string_view name, Range range);
    std::optional<std::uint32_t> whole32(std::string_view name, Range range);
    std::optional<bool> flag(std::string_view name);
    std::optional<std::string> text(std::string_view name, Range bytes);  // no control characters
    std::optional<std::string> payload(std::string_view name, Range bytes);  // any text
    std::optional<std::vector<std::string>> texts(std::string_view name, Range items, Range bytes);

    // As texts, but any text will do.
    std::optional<std::vector<std::string>> payloads(std::string_view name,
                                                     Range items,
                                                     Range bytes);
    std::optional<std::int64_t> instant(std::string_view name);
    std::optional<std::string> one_of(std::string_view name,
                                      const std::vector<std::string_view>& choices);

    // A nested object, or an array of them.
    std::optional<Fields> object(std::string_view name, const std::vector<std::string_view>& known);
    std::optional<std::vector<Fields>> objects(std::string_view name,
                                               const std::vector<std::string_view>& known,
                                               Range items);

    // The field as it stands; nullptr when absent.
    [[nodiscard]] const boost::json::value* raw(std::string_view name) const;

    // As the readers above, but absence is a problem; then the answer is zero or empty.
    std::uint64_t need_whole(std::string_view name, Range range);
    std::string need_text(std::string_view name, Range bytes);

    void refuse(std::string_view name, std::string detail);

    // Keeps the problem of a nested object.
    void adopt(const Fields& nested);

    // What stands before names in problems; empty at the top.
    [[nodiscard]] const std::string& prefix() const { return prefix_; }

    [[nodiscard]] bool ok() const { return !problem_; }

    [[nodiscard]] const std::optional<Problem>& problem() const { return problem_; }

  private:
    const boost::json::value* find(std::string_view name) const;
    std::optional<std::string> any_text(std::string_view name,
                                        const boost::json::value& value,
                                        Range bytes);
    std::optional<std::string> item_text(std::string_view name,
                                         const boost::json::value& value,
                                         Range bytes);
    std::optional<boost::json::array> items_of(std::string_view name, Range items);

    using ReadText = std::optional<std::string> (Fields::*)(std::string_view,
                                                            const boost::json::value&,
                                                            Range);
    std::optional<std::vector<std::string>> list_of(std::string_view name,
                                                    Range items,
                                                    Range bytes,
                                                    ReadText read);

    Source source_ = Source::json;
    boost::json::object values_;
    std::string prefix_;
    std::optional<Problem> problem_;
};

// The known name a misspelt one most likely means; empty when none is near.
std::string_view nearest_name(std::string_view name, const std::vector<std::string_view>& known);

}  // namespace penstock::plugins::native
