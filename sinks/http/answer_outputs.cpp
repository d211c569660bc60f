#include "sinks/http/answer_outputs.h"

#include "sinks/worker/published.h"

#include <string>
#include <string_view>
#include <utility>

namespace penstock::sinks::http {
namespace {

worker::Published read(const client::Exchange& exchange) {
    const std::string_view body = exchange.answer.body;
    const std::size_t begin = body.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos || body[begin] != '{') return {};
    if (exchange.complete) return worker::published_by(body);
    worker::Published cut;
    cut.problem = "the answer did not come whole: one that may publish has at most " +
                  std::to_string(output_answer_bytes_max) + " bytes";
    return cut;
}

}  // namespace

void take_outputs(const client::Exchange& exchange, AttemptResult& result) {
    if (result.verdict != model::Verdict::accepted) return;
    worker::Published published = read(exchange);
    if (!published.problem.empty()) {
        result.verdict = model::Verdict::retry;
        result.failure = model::Failure::output_refused;
        result.target = exchange.target;
        result.excerpt = std::move(published.problem);
    } else if (!published.outputs.empty()) {
        result.effects.emplace().outputs = std::move(published.outputs);
    }
}

}  // namespace penstock::sinks::http
