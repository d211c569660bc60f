#include "sinks/http/batch_answer.h"
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
    http::ItemFailures failures;
};

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
    if (failures != nullptr) said.failures = http::read_item_failures(*failures, known);
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
        if (said.failures.all) {
            results[at] = failed(model::Verdict::retry, std::string(http::unknown_in_failures));
        } else if (said.failures.ids.contains(ids[at])) {
            results[at] = failed(model::Verdict::retry, std::string(http::named_in_failures));
        }
    }
    return results;
}

}  // namespace penstock::sinks::process
