#include "sinks/process/runtime_event.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::sinks::process {
namespace {

namespace json = boost::json;

constexpr std::size_t excerpt_bytes_max = model::attempt_excerpt_bytes_max;

AttemptResult failed(model::Verdict verdict, std::string excerpt) {
    AttemptResult result;
    result.verdict = verdict;
    result.failure = model::Failure::handler;
    result.excerpt = std::move(excerpt);
    if (result.excerpt.size() > excerpt_bytes_max) result.excerpt.resize(excerpt_bytes_max);
    return result;
}

// What an answer may say beside being there.
struct Said {
    bool dead = false;
    std::string reason;
    bool all_failed = false;         // batchItemFailures that names no message of the batch
    std::set<std::string> failures;  // messages by id
};

void read_failures(const json::value& list, const std::set<std::string>& known, Said& said) {
    if (list.is_null()) return;
    if (!list.is_array()) {
        said.all_failed = true;
        return;
    }
    for (const json::value& item : list.get_array()) {
        const json::value* id = nullptr;
        if (item.is_object()) id = item.get_object().if_contains("itemIdentifier");
        const std::string text =
            id != nullptr && id->is_string() ? std::string(id->get_string()) : std::string();
        if (known.count(text) == 0) said.all_failed = true;
        said.failures.insert(text);
    }
}

Said read_answer(std::string_view body, const std::vector<std::string>& ids) {
    Said said;
    // Most answers say nothing of interest: they are not taken apart.
    const bool telling = body.find("batchItemFailures") != std::string_view::npos ||
                         body.find("\"dead\"") != std::string_view::npos;
    if (!telling) return said;
    boost::system::error_code ec;
    const json::value parsed = json::parse({body.data(), body.size()}, ec);
    if (ec || !parsed.is_object()) return said;
    const json::object& object = parsed.get_object();
    const json::value* dead = object.if_contains("dead");
    said.dead = dead != nullptr && dead->is_bool() && dead->get_bool();
    const json::value* reason = object.if_contains("error");
    if (reason != nullptr && reason->is_string()) said.reason = std::string(reason->get_string());
    const std::set<std::string> known(ids.begin(), ids.end());
    const json::value* failures = object.if_contains("batchItemFailures");
    if (failures != nullptr) read_failures(*failures, known, said);
    return said;
}

}  // namespace

std::vector<AttemptResult> runtime_results(const std::vector<std::string>& ids,
                                           const RuntimeAnswer& answer) {
    std::vector<AttemptResult> results(ids.size());
    if (!answer.ok) {
        const auto verdict =
            answer.error.permanent() ? model::Verdict::rejected : model::Verdict::retry;
        results.assign(results.size(), failed(verdict, answer.error.line()));
        return results;
    }
    const Said said = read_answer(answer.body, ids);
    if (said.dead) {
        const std::string reason =
            said.reason.empty() ? "the handler answered {\"dead\":true}" : said.reason;
        results.assign(results.size(), failed(model::Verdict::rejected, reason));
        return results;
    }
    for (std::size_t at = 0; at < results.size(); ++at) {
        const bool named = said.failures.count(ids[at]) > 0;
        if (said.all_failed) {
            results[at] = failed(model::Verdict::retry,
                                 "batchItemFailures names what is no message of the batch: "
                                 "every message is tried again");
        } else if (named) {
            results[at] =
                failed(model::Verdict::retry, "the handler names it in batchItemFailures");
        }
    }
    return results;
}

}  // namespace penstock::sinks::process
