// Views of single messages that are looked at, dead letters, and jobs.
#include "plugins/native/message_filter.h"
#include "plugins/native/views.h"

#include <boost/json.hpp>

#include <algorithm>

namespace penstock::plugins::native {

namespace json = boost::json;

namespace {

constexpr std::int64_t ms_per_s = 1'000;

// What the pace since the start says about the rest; nothing while there is none.
std::optional<std::int64_t> seconds_left(const api::JobView& job) {
    const std::int64_t passed_ms = job.now_ms - job.started_ms;
    if (job.state != "running" || job.looked_at == 0 || passed_ms <= 0) return {};
    const auto rest = static_cast<double>(job.total - std::min(job.total, job.looked_at));
    const double per_ms = static_cast<double>(job.looked_at) / static_cast<double>(passed_ms);
    return static_cast<std::int64_t>(rest / per_ms / ms_per_s + 1);
}

}  // namespace

json::object show(const api::DeadLetterView& letter) {
    json::object out;
    out["id"] = model::to_text(letter.id);
    put_text(out, "source", letter.source);
    put_text(out, "reason", letter.reason);
    if (letter.status != 0) out["last_status"] = letter.status;
    out["attempts"] = letter.attempts;
    if (letter.redrives != 0) out["redrives"] = letter.redrives;
    put_text(out, "excerpt", letter.excerpt);
    put_text(out, "log", letter.log);
    out["state"] = letter.state;
    put_time(out, "died_at", letter.died_ms);
    put_time(out, "sent_at", letter.sent_ms);
    put_meta(out, letter.meta);
    put_body(out, letter.payload);
    return out;
}

json::object show(const api::PeekedMessage& message) {
    json::object out;
    out["id"] = model::to_text(message.id);
    out["position"] = std::to_string(message.position);
    out["state"] = message.state;
    if (message.receives != 0) out["receives"] = message.receives;
    if (message.state == "prepared") out["checks"] = message.checks;
    put_time(out, "sent_at", message.sent_ms);
    put_time(out, "due_at", message.due_ms);
    put_meta(out, message.meta);
    put_body(out, message.payload);
    return out;
}

json::object show(const api::JobView& job) {
    json::object out;
    out["job"] = std::to_string(job.number);
    out["kind"] = job.kind;
    out["object"] = job.object;
    out["state"] = job.state;
    out["filter"] = show(job.filter);
    if (job.rate_per_s != 0) out["rate"] = job.rate_per_s;
    out["total"] = job.total;
    out["looked_at"] = job.looked_at;
    out["taken"] = job.taken;
    if (job.kind == "replay") {
        out["open"] = job.open;
        out["failed"] = job.failed;
    }
    const std::int64_t until_ms = job.ended_ms != 0 ? job.ended_ms : job.now_ms;
    const double seconds =
        static_cast<double>(std::max<std::int64_t>(1, until_ms - job.started_ms)) / ms_per_s;
    out["per_second"] = static_cast<double>(job.taken) / seconds;
    if (const auto left = seconds_left(job)) out["seconds_left"] = *left;
    put_time(out, "started_at", job.started_ms);
    put_time(out, "ended_at", job.ended_ms);
    return out;
}

}  // namespace penstock::plugins::native
