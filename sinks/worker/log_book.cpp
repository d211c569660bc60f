#include "sinks/worker/log_book.h"

#include "broker/api/names.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

namespace penstock::sinks::worker {
namespace {

constexpr std::string_view server_level = "server";
constexpr std::size_t lines_per_page_max = 1'000;
constexpr std::size_t line_overhead_bytes = 64;  // what a line costs beside its text

std::size_t cost(const api::FunctionLogLine& line) {
    return line.text.size() + line.level.size() + line.message.size() + line_overhead_bytes;
}

// UTF-8 without control bytes: nothing in it can move a cursor, forge a line or spoil a JSON text.
std::string escaped(std::string_view text, std::size_t bytes_max) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string_view whole = text.substr(0, bytes_max);
    for (int cut = 0; whole.size() < text.size() && cut < 3 && !api::valid_utf8(whole); ++cut) {
        whole.remove_suffix(1);
    }
    const bool readable = api::valid_utf8(whole);
    if (!readable) whole = text.substr(0, bytes_max);
    std::string out;
    out.reserve(whole.size());
    for (const char letter : whole) {
        const auto byte = static_cast<unsigned char>(letter);
        const bool plain = byte < 0x80 ? byte >= 0x20 && byte != 0x7F : readable;
        if (plain || letter == '\t') {
            out.push_back(letter);
        } else if (out.size() + 4 <= bytes_max) {
            out += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
        } else {
            break;
        }
    }
    return out;
}

}  // namespace

LogBook::LogBook(boost::asio::any_io_executor executor,
                 const Clock& clock,
                 const Launcher& launcher,
                 const LogBookLimits& limits)
    : executor_(std::move(executor)), clock_(clock), launcher_(launcher), limits_(limits) {}

LogBook::Page& LogBook::page(model::SubscriptionNo subscription) {
    const auto found = pages_.find(subscription);
    if (found != pages_.end()) return found->second;
    if (pages_.size() >= limits_.subscriptions_max) {
        const auto oldest =
            std::min_element(pages_.begin(), pages_.end(), [](const auto& a, const auto& b) {
                return a.second.last_number < b.second.last_number;
            });
        pages_.erase(oldest);
    }
    Page& made = pages_[subscription];
    made.function.left = limits_.lines_at_once;
    made.server.left = limits_.lines_at_once;
    return made;
}

// How many lines a second are kept; what is beyond is counted and said once there is room again.
bool LogBook::allowed(model::SubscriptionNo subscription, Page& page, Allowance& allowance) {
    const std::int64_t now_us = clock_.steady_us();
    const std::int64_t line_us = 1'000'000 / limits_.lines_per_second;
    const std::int64_t gained = (now_us - allowance.counted_us) / line_us;
    if (gained > 0) {
        allowance.left = std::min<std::int64_t>(limits_.lines_at_once, allowance.left + gained);
        allowance.counted_us += gained * line_us;
    }
    if (allowance.left == 0) {
        allowance.dropped += 1;
        return false;
    }
    allowance.left -= 1;
    if (const std::uint64_t dropped = std::exchange(allowance.dropped, 0)) {
        append(subscription,
               page,
               "server",
               {},
               std::to_string(dropped) + " lines were dropped: too many a second");
    }
    return true;
}

void LogBook::append(model::SubscriptionNo subscription,
                     Page& page,
                     std::string_view level,
                     std::string_view message,
                     std::string text) {
    api::FunctionLogLine line;
    line.number = ++last_number_;
    line.at_ms = clock_.wall_ms();
    line.subscription = subscription;
    line.level = level;
    line.message = message;
    line.text = std::move(text);
    page.last_number = line.number;
    page.bytes += cost(line);
    page.lines.push_back(std::move(line));
    while (page.bytes > limits_.bytes_max) {
        page.bytes -= cost(page.lines.front());
        page.lines.pop_front();
    }
}

void LogBook::write(model::SubscriptionNo subscription,
                    std::string_view level,
                    std::string_view message,
                    std::string_view text) {
    Page& kept = page(subscription);
    Allowance& allowance = level == server_level ? kept.server : kept.function;
    if (!allowed(subscription, kept, allowance)) return;
    append(subscription, kept, level, message, escaped(text, limits_.line_bytes_max));
}

void LogBook::problem(model::SubscriptionNo subscription,
                      std::string_view message,
                      std::string_view text) {
    page(subscription).last_problem = escaped(text, limits_.line_bytes_max);
    write(subscription, server_level, message, text);
}

void LogBook::success(model::SubscriptionNo subscription) {
    const auto found = pages_.find(subscription);
    if (found != pages_.end()) found->second.last_problem.clear();
}

void LogBook::watch(model::SubscriptionNo subscription, const void* watcher, StatusSource source) {
    if (source) {
        sources_.insert_or_assign({subscription, watcher}, std::move(source));
    } else {
        sources_.erase({subscription, watcher});
    }
}

// The lines of all subscriptions are numbered in one row: those wanted are taken from every page
// and put in order.
api::FunctionLogPage LogBook::read(const api::FunctionLogQuery& query) const {
    std::vector<const api::FunctionLogLine*> found;
    for (const auto& [subscription, kept] : pages_) {
        if (query.subscription.value != 0 && query.subscription != subscription) continue;
        const auto first = std::partition_point(
            kept.lines.begin(), kept.lines.end(), [&query](const api::FunctionLogLine& line) {
                return line.number <= query.after;
            });
        for (auto line = first; line != kept.lines.end(); ++line) found.push_back(&*line);
    }
    const std::size_t limit = std::min<std::size_t>(query.limit, lines_per_page_max);
    std::sort(found.begin(), found.end(), [](const auto* a, const auto* b) {
        return a->number < b->number;
    });
    const auto surplus = static_cast<std::ptrdiff_t>(found.size() - std::min(found.size(), limit));
    // Who begins to read wants what is new; who goes on misses nothing.
    if (query.after == 0) {
        found.erase(found.begin(), found.begin() + surplus);
    } else {
        found.erase(found.end() - surplus, found.end());
    }
    api::FunctionLogPage answer;
    answer.last = query.after;
    for (const auto* line : found) answer.lines.push_back(*line);
    if (!answer.lines.empty()) answer.last = answer.lines.back().number;
    return answer;
}

void LogBook::logs(api::FunctionLogQuery query, std::function<void(api::FunctionLogPage)> answer) {
    boost::asio::post(executor_,
                      [this, query, answer = std::move(answer)]() { answer(read(query)); });
}

void LogBook::status(model::SubscriptionNo subscription,
                     std::function<void(api::FunctionStatus)> answer) {
    boost::asio::post(executor_, [this, subscription, answer = std::move(answer)]() {
        api::FunctionStatus status;
        for (auto one = sources_.lower_bound({subscription, nullptr});
             one != sources_.end() && one->first.first == subscription;
             ++one) {
            api::FunctionStatus part = one->second();
            status.starts += part.starts;
            status.crashes += part.crashes;
            std::move(
                part.processes.begin(), part.processes.end(), std::back_inserter(status.processes));
        }
        std::sort(status.processes.begin(),
                  status.processes.end(),
                  [](const auto& a, const auto& b) { return a.number < b.number; });
        const auto kept = pages_.find(subscription);
        if (kept != pages_.end()) status.last_problem = kept->second.last_problem;
        answer(std::move(status));
    });
}

void LogBook::sandbox(std::function<void(api::SandboxReport)> answer) {
    boost::asio::post(executor_, [this, answer = std::move(answer)]() {
        api::SandboxReport report;
        for (const SandboxLayer& layer : launcher_.layers()) {
            report.emplace_back(layer.name, layer.state);
        }
        answer(std::move(report));
    });
}

void LogBook::measure(model::Metrics& metrics) const {
    metrics.counter("penstock_function_processes_started",
                    "Processes of worker pools that were started, again after a crash too.",
                    starts_);
    metrics.counter("penstock_function_processes_crashed",
                    "Of those: ended as they should not have.",
                    crashes_);
}

}  // namespace penstock::sinks::worker
