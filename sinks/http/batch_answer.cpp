#include "sinks/http/batch_answer.h"

#include "broker/model/ids.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <optional>

namespace penstock::sinks::http {
namespace {

namespace json = boost::json;

constexpr std::int64_t status_least = 100;
constexpr std::int64_t status_most = 599;

// As a CloudEvent names it.
std::string own_id(const api::Delivery& delivery) {
    for (const auto& [name, value] : delivery.meta.attributes) {
        if (name == "ce-id") return value;
    }
    return {};
}

class Reading {
  public:
    Reading(const Sink::Batch& batch, const AttemptResult& whole, std::string target)
        : batch_(batch), whole_(whole), target_(std::move(target)), results_(batch.size(), whole) {}

    std::vector<AttemptResult> take() { return std::move(results_); }

    void fail_all(std::string_view why) {
        for (AttemptResult& result : results_) fail(result, why);
    }

    void read(const json::value& answer) {
        if (const auto* statuses = answer.if_array()) return read_statuses(*statuses);
        const auto* object = answer.if_object();
        const auto* failures =
            object == nullptr ? nullptr : object->if_contains("batchItemFailures");
        if (failures != nullptr) read_failures(*failures);
    }

  private:
    void fail(AttemptResult& result, std::string_view why) const {
        result.verdict = model::Verdict::retry;
        result.failure = model::Failure::handler;
        result.target = target_;
        result.excerpt = why;
    }

    void read_failures(const json::value& value) {
        std::set<std::string> known;
        for (const api::Delivery* delivery : batch_) {
            known.insert(model::to_text(delivery->message));
            if (std::string id = own_id(*delivery); !id.empty()) known.insert(std::move(id));
        }
        const ItemFailures failures = read_item_failures(value, known);
        if (failures.all) return fail_all(unknown_in_failures);
        for (std::size_t at = 0; at < batch_.size(); ++at) {
            const bool named = failures.ids.contains(model::to_text(batch_[at]->message)) ||
                               failures.ids.contains(own_id(*batch_[at]));
            if (named) fail(results_[at], named_in_failures);
        }
    }

    void read_statuses(const json::array& statuses) {
        const bool good = statuses.size() == batch_.size() &&
                          std::all_of(statuses.begin(), statuses.end(), [](const auto& one) {
                              return one.is_int64() && one.get_int64() >= status_least &&
                                     one.get_int64() <= status_most;
                          });
        if (!good) {
            return fail_all("the answer is a list, but not of one status a message (" +
                            std::to_string(batch_.size()) + "): every message is tried again");
        }
        for (std::size_t at = 0; at < batch_.size(); ++at) {
            AttemptResult& result = results_[at];
            result.status = static_cast<std::uint16_t>(statuses[at].get_int64());
            if (result.status >= 200 && result.status < 300) continue;
            result.verdict = model::Verdict::retry;
            result.failure = model::Failure::status;
            result.target = target_;
            result.of_item = true;
        }
    }

    const Sink::Batch& batch_;
    const AttemptResult& whole_;
    std::string target_;
    std::vector<AttemptResult> results_;
};

}  // namespace

ItemFailures read_item_failures(const json::value& value, const std::set<std::string>& known) {
    ItemFailures failures;
    if (value.is_null()) return failures;
    if (!value.is_array()) {
        failures.all = true;
        return failures;
    }
    for (const json::value& item : value.get_array()) {
        const json::value* id = nullptr;
        if (item.is_object()) id = item.get_object().if_contains("itemIdentifier");
        const std::string text =
            id != nullptr && id->is_string() ? std::string(id->get_string()) : std::string();
        if (!known.contains(text)) failures.all = true;
        failures.ids.insert(text);
    }
    return failures;
}

std::vector<AttemptResult> batch_results(const Sink::Batch& batch,
                                         const AttemptResult& whole,
                                         const client::Exchange& exchange) {
    Reading reading(batch, whole, exchange.target);
    const std::string_view body = exchange.answer.body;
    const std::size_t begin = body.find_first_not_of(" \t\r\n");
    const bool telling = whole.verdict == model::Verdict::accepted &&
                         begin != std::string_view::npos &&
                         (body[begin] == '{' || body[begin] == '[');
    if (!telling) return reading.take();
    boost::system::error_code no_json;
    const json::value answer = json::parse({body.data(), body.size()}, no_json);
    if (no_json || !exchange.complete) {
        reading.fail_all("the answer is no whole JSON: every message is tried again");
    } else {
        reading.read(answer);
    }
    return reading.take();
}

}  // namespace penstock::sinks::http
