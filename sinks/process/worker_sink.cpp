#include "sinks/process/worker_sink.h"

#include "sinks/worker/envelope.h"
#include "sinks/worker/wording.h"

#include <algorithm>
#include <utility>

namespace penstock::sinks::process {

using worker::Heard;

namespace {

constexpr std::string_view reply_file = "PENSTOCK_REPLY_FD=3";
constexpr std::size_t shown_line_bytes = 200;

}  // namespace

std::unique_ptr<Sink> make_worker_sink(const worker::Workshop& workshop,
                                       const ProcessOptions& options) {
    return std::make_unique<worker::PoolSink>(
        workshop, std::make_unique<WorkerContract>(workshop.executor, workshop.clock, options));
}

Result<worker::ProcessOrder> WorkerContract::order(const api::Target& target) {
    Result<worker::ProcessOrder> order = process_order(target, options_);
    if (!order) return order;
    for (std::string& one : worker::subscription_environment(target)) {
        order->environment.push_back(std::move(one));
    }
    order->environment.emplace_back(reply_file);
    return order;
}

Result<worker::Opening> WorkerContract::open(const api::Target& target, worker::Host& host) {
    worker::FrameLinkOptions options;
    options.reply_file = true;
    if (target.spec.function.content_length) options.framing = worker::Framing::content_length;
    auto conversation = std::make_unique<WorkerConversation>(clock_, host, target);
    worker::Opening opening;
    const Result<void> opened = conversation->open(executor_, options, opening.files);
    if (!opened) return opened.error();
    opening.conversation = std::move(conversation);
    opening.ready_at_once = !target.spec.function.ready_line;
    return opening;
}

WorkerConversation::WorkerConversation(const Clock& clock,
                                       worker::Host& host,
                                       const api::Target& target)
    : clock_(clock), host_(host), shown_name_(worker::shown_name(target)) {}

Result<void> WorkerConversation::open(const boost::asio::any_io_executor& executor,
                                      const worker::FrameLinkOptions& options,
                                      std::vector<int>& files) {
    auto link = worker::FrameLink::open(executor, clock_, *this, options, files);
    if (!link) return link.error();
    link_ = std::move(*link);
    return {};
}

void WorkerConversation::offer(Ticket ticket, const worker::Job& job) {
    const std::int64_t deadline_ms = clock_.wall_ms() + job.target->spec.timeout_ms;
    held_[ticket].position = link_->put(worker::event_frame(
        std::to_string(ticket), worker::make_event(*job.target, *job.delivery), deadline_ms));
}

bool WorkerConversation::has_seen(Ticket ticket) const {
    const auto found = held_.find(ticket);
    return found != held_.end() && link_->has_read(found->second.position);
}

void WorkerConversation::cancel(Ticket ticket) {
    held_.erase(ticket);
    close_if_done();
}

void WorkerConversation::end_input() {
    ending_ = true;
    close_if_done();
}

void WorkerConversation::close_if_done() {
    if (ending_ && held_.empty()) link_->end_input();
}

bool WorkerConversation::on_frame(std::string_view frame, Heard heard) {
    const Ticket ticket = model::parse_decimal(heard.id).value_or(0);
    switch (heard.kind) {
        case Heard::Kind::answer:
            return on_answer(ticket, heard);
        case Heard::Kind::publish:
            return on_publish(ticket, heard);
        case Heard::Kind::text:
            on_text(frame);
            return false;
        case Heard::Kind::ready:
            host_.ready();
            return false;  // once is enough
        case Heard::Kind::log:
            if (!heard.problem.empty()) break;
            host_.log(heard.log.level, ticket, heard.log.text);
            return true;
        case Heard::Kind::extend:
            if (!heard.problem.empty()) break;
            host_.extend(ticket, heard.extend_ms);
            return true;
        case Heard::Kind::loaded:
        case Heard::Kind::call:
        case Heard::Kind::tripped:
        case Heard::Kind::ignored:
            // Not for us, or of a later protocol. Whoever meant an answer would wait for its
            // time-out to hear of it, so that the first one is told.
            if (std::exchange(told_ignored_, true)) return false;
            heard.problem =
                R"("type" is none that is known; an answer has none: {"id":"7","ok":true})";
            break;
    }
    host_.log("server", ticket, shown_name_ + ": a line was ignored: " + heard.problem);
    return false;
}

bool WorkerConversation::on_answer(Ticket ticket, Heard& heard) {
    worker::Published published;
    const auto found = held_.find(ticket);
    const bool is_held = found != held_.end();
    if (is_held) {
        published = std::move(found->second.published);
        held_.erase(found);
    }
    host_.finish(ticket, outcome_of(std::move(heard.answer), std::move(published), heard.problem));
    close_if_done();
    return is_held;
}

bool WorkerConversation::on_publish(Ticket ticket, Heard& heard) {
    const auto found = held_.find(ticket);
    if (found != held_.end()) {
        keep(found->second.published, std::move(heard.publish), heard.problem);
        return true;
    }
    host_.log("server",
              0,
              shown_name_ +
                  ": a \"publish\" line for a message that is not in hand was ignored: "
                  "give the \"id\" of the event");
    return false;
}

// A stray print is a line for the log; what was meant as a frame is worth a word.
void WorkerConversation::on_text(std::string_view line) {
    if (!line.starts_with('{')) return host_.output("stdout", line);
    host_.log("server",
              0,
              shown_name_ + ": a line of the worker is no JSON object: " +
                  worker::one_line(line, shown_line_bytes) +
                  "; write one object a line and flush after each");
}

}  // namespace penstock::sinks::process
