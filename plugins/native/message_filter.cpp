#include "plugins/native/message_filter.h"

#include "broker/model/ids.h"
#include "plugins/native/documents.h"
#include "plugins/native/views.h"

#include <boost/json.hpp>

#include <optional>
#include <string>
#include <utility>

namespace penstock::plugins::native {

namespace {

constexpr Range items{1, model::filter_items_max};
constexpr Range text_bytes{1, model::filter_text_bytes_max};
constexpr Range status_bytes{3, 7};
constexpr Range rates{1, model::job_rate_max};

std::optional<model::Failure> failure_of(std::string_view text) {
    for (int number = 1; number <= static_cast<int>(model::Failure::sealed); ++number) {
        const auto failure = static_cast<model::Failure>(number);
        if (model::to_text(failure) == text) return failure;
    }
    return {};
}

std::optional<std::uint16_t> status_number(std::string_view text) {
    const auto number = model::parse_decimal(text);
    if (text.size() != 3 || !number || *number < 100 || *number > 599) return {};
    return static_cast<std::uint16_t>(*number);
}

// "503", "5xx" or "400-499".
bool read_status(std::string_view text, model::MessageFilter& filter) {
    if (text.size() == 3 && text.substr(1) == "xx" && text[0] >= '1' && text[0] <= '5') {
        filter.status_min = static_cast<std::uint16_t>((text[0] - '0') * 100);
        filter.status_max = static_cast<std::uint16_t>(filter.status_min + 99);
        return true;
    }
    const std::size_t dash = text.find('-');
    const auto first = status_number(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : status_number(text.substr(dash + 1));
    if (!first || !last || *last < *first) return false;
    filter.status_min = *first;
    filter.status_max = *last;
    return true;
}

void read_letters(Fields& fields, model::MessageFilter& filter) {
    if (const auto reasons = fields.texts("reason", items, text_bytes)) {
        for (const std::string& text : *reasons) {
            const auto failure = failure_of(text);
            if (!failure) {
                fields.refuse("reason", "must be reasons as dead letters show them, like status.");
                return;
            }
            filter.failures.push_back(*failure);
        }
    }
    const auto status = fields.text("status", status_bytes);
    if (status && !read_status(*status, filter)) {
        fields.refuse("status", "must be an HTTP status or a range: 503, 5xx, 400-499.");
    }
}

}  // namespace

std::vector<std::string_view> with_filter(std::vector<std::string_view> own, bool letters) {
    own.insert(own.end(), {"from", "to", "tag", "key", "text"});
    if (letters) own.insert(own.end(), {"reason", "status"});
    return own;
}

Fields filtered_query(std::string_view query, std::vector<std::string_view> own, bool letters) {
    return query_fields(query, with_filter(std::move(own), letters), {"tag", "reason"});
}

model::MessageFilter read_filter(Fields& fields, bool letters) {
    model::MessageFilter filter;
    filter.from_ms = fields.instant("from").value_or(0);
    filter.before_ms = fields.instant("to").value_or(0);
    if (auto tags = fields.texts("tag", items, text_bytes)) filter.tags = std::move(*tags);
    filter.key = fields.text("key", text_bytes).value_or("");
    filter.text = fields.payload("text", text_bytes).value_or("");
    if (letters) read_letters(fields, filter);
    return filter;
}

boost::json::object show(const model::MessageFilter& filter) {
    boost::json::object out;
    put_time(out, "from", filter.from_ms);
    put_time(out, "to", filter.before_ms);
    if (!filter.tags.empty()) {
        boost::json::array tags;
        for (const std::string& tag : filter.tags) tags.emplace_back(tag);
        out["tag"] = std::move(tags);
    }
    if (!filter.key.empty()) out["key"] = filter.key;
    if (!filter.text.empty()) out["text"] = filter.text;
    if (!filter.failures.empty()) {
        boost::json::array reasons;
        for (const model::Failure failure : filter.failures) {
            reasons.emplace_back(model::to_text(failure));
        }
        out["reason"] = std::move(reasons);
    }
    if (filter.status_max != 0) {
        const std::string first = std::to_string(filter.status_min);
        const std::string last = std::to_string(filter.status_max);
        out["status"] = first == last ? first : first + "-" + last;
    }
    return out;
}

std::uint32_t read_rate(Fields& fields) {
    return fields.whole32("rate", rates).value_or(0);
}

}  // namespace penstock::plugins::native
