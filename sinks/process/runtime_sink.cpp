#include "sinks/process/runtime_sink.h"

#include "sinks/worker/envelope.h"
#include "sinks/worker/pipes.h"
#include "sinks/worker/wording.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace penstock::sinks::process {
namespace {

// What keeps `program` from being started; empty: nothing that can be seen from here.
std::string obstacle(const std::string& folder, const std::string& program) {
    struct ::stat facts {};

    if (!folder.starts_with('/')) return "the folder \"" + folder + "\" is no absolute path";
    if (::stat(folder.c_str(), &facts) != 0) return "there is no folder " + folder;
    if (!S_ISDIR(facts.st_mode)) return folder + " is no folder";
    if (::stat(program.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
        return "the folder " + folder + " has no file bootstrap";
    }
    const auto executable = S_IXUSR | S_IXGRP | S_IXOTH;
    if ((facts.st_mode & executable) == 0) {
        return program + " is not executable (chmod +x " + program + ")";
    }
    return {};
}

}  // namespace

std::unique_ptr<Sink> make_runtime_sink(const worker::Workshop& workshop,
                                        const RuntimeSinkOptions& options) {
    return std::make_unique<worker::PoolSink>(
        workshop, std::make_unique<RuntimeContract>(workshop.executor, workshop.clock, options));
}

Result<worker::ProcessOrder> RuntimeContract::order(const api::Target& target) {
    const model::FunctionSpec& function = target.spec.function;
    const std::string folder = function.command.empty() ? std::string() : function.command.front();
    const std::string program = folder + "/bootstrap";
    std::string problem = obstacle(folder, program);
    if (options_.process.profile == worker::SandboxProfile::strict) {
        problem =
            "the runtime API is served on 127.0.0.1, which the sandbox profile strict does "
            "not let it reach: use the profile default";
    }
    if (!options_.process.allowed) {
        problem = "this server runs no programs, functions.allow_processes is off";
    }
    if (!problem.empty()) {
        return error(Errc::invalid,
                     worker::shown_name(target) + ": " + problem + worker::then_resume(target));
    }
    worker::ProcessOrder order;
    order.command = {program};
    order.folder = folder;
    order.profile = options_.process.profile;
    order.limits.memory_bytes = std::uint64_t{function.memory_mib} << 20;
    order.function = target.subscription.value;
    order.environment = options_.process.environment;
    order.readable = options_.process.readable;
    order.readable.push_back(folder);
    order.writable = options_.process.writable;
    return order;
}

Result<worker::Opening> RuntimeContract::open(const api::Target& target, worker::Host& host) {
    const auto files = worker::make_output_files();
    if (!files) return files.error();
    auto conversation = std::make_unique<RuntimeConversation>(
        executor_, clock_, host, target, options_.shown, files->out.read_end, files->err.read_end);
    worker::Opening opening;
    opening.files = {files->null, files->out.write_end, files->err.write_end};
    const bool own_user =
        ::geteuid() == 0 && options_.process.profile != worker::SandboxProfile::none;
    const std::uint32_t user = own_user ? worker::user_of(target.subscription.value) : ::geteuid();
    const auto port = conversation->listen(executor_, user);
    if (!port) {
        for (const int file : opening.files) worker::close_file(file);
        return port.error();
    }
    opening.environment = runtime_environment(target, *port, options_.shown);
    for (std::string& each : worker::subscription_environment(target)) {
        opening.environment.push_back(std::move(each));
    }
    opening.conversation = std::move(conversation);
    return opening;
}

RuntimeConversation::RuntimeConversation(const boost::asio::any_io_executor& executor,
                                         const Clock& clock,
                                         worker::Host& host,
                                         const api::Target& target,
                                         const RuntimeOptions& options,
                                         int stdout_file,
                                         int stderr_file)
    : clock_(clock),
      host_(host),
      options_(options),
      window_(target.spec.function.window),
      batch_(std::max(1U, target.spec.function.batch)),
      stdout_(
          executor, stdout_file, [this](std::string_view line) { host_.output("stdout", line); }),
      stderr_(
          executor, stderr_file, [this](std::string_view line) { host_.output("stderr", line); }) {}

RuntimeConversation::~RuntimeConversation() {
    if (listener_) listener_->stop();
}

Result<std::uint16_t> RuntimeConversation::listen(const boost::asio::any_io_executor& executor,
                                                  std::uint32_t user) {
    auto opened = RuntimeListener::open(executor, *this, window_, user);
    if (!opened) return opened.error();
    listener_ = std::move(*opened);
    return listener_->port();
}

void RuntimeConversation::offer(Ticket ticket, const worker::Job& job) {
    waiting_.push_back({ticket, &job});
}

bool RuntimeConversation::has_room() const {
    return waiting_.size() < batch_ * listener_->room();
}

void RuntimeConversation::flush() {
    while (!waiting_.empty() && listener_->room() > 0) {
        std::vector<Waiting> batch;
        while (!waiting_.empty() && batch.size() < batch_) {
            batch.push_back(waiting_.front());
            waiting_.pop_front();
        }
        invoke(std::move(batch));
    }
}

void RuntimeConversation::invoke(std::vector<Waiting> batch) {
    const api::Target& target = *batch.front().job->target;
    const api::Delivery& first = *batch.front().job->delivery;
    RuntimeBatch messages;
    messages.target = &target;
    messages.request_id = model::to_text(first.message) + '-' + std::to_string(first.attempt) +
                          '-' + std::to_string(batch.front().ticket);
    std::vector<Ticket> tickets;
    std::vector<std::string> ids;
    for (const Waiting& each : batch) {
        messages.deliveries.push_back(each.job->delivery);
        tickets.push_back(each.ticket);
        ids.push_back(model::to_text(each.job->delivery->message));
        seen_.insert(each.ticket);
    }
    RuntimeInvocation invocation;
    invocation.head.request_id = messages.request_id;
    invocation.head.function_arn = function_arn(target, options_);
    invocation.head.deadline_ms = clock_.wall_ms() + target.spec.timeout_ms;
    invocation.head.memory_mib = target.spec.function.memory_mib;
    invocation.head.timeout_ms = target.spec.timeout_ms;
    invocation.render = [this, &messages](RuntimeFamily family) {
        return runtime_event(family, messages, options_);
    };
    listener_->offer(invocation,
                     [this, tickets = std::move(tickets), ids = std::move(ids)](
                         const RuntimeAnswer& answer) { on_answer(tickets, ids, answer); });
}

void RuntimeConversation::on_answer(const std::vector<Ticket>& tickets,
                                    const std::vector<std::string>& ids,
                                    const RuntimeAnswer& answer) {
    if (!answer.error.trace.empty()) host_.log("error", tickets.front(), answer.error.trace);
    std::vector<AttemptResult> results = runtime_results(ids, answer);
    for (std::size_t at = 0; at < tickets.size(); ++at) {
        seen_.erase(tickets[at]);
        worker::Outcome outcome;
        outcome.result = std::move(results[at]);
        host_.finish(tickets[at], std::move(outcome));
    }
}

void RuntimeConversation::on_runtime_ready() {
    host_.ready();
    host_.room();
}

void RuntimeConversation::on_runtime_init_error(RuntimeError error) {
    host_.log("error", 0, "the runtime could not start: " + error.line());
}

void RuntimeConversation::cancel(Ticket ticket) {
    std::erase_if(waiting_, [ticket](const Waiting& each) { return each.ticket == ticket; });
}

void RuntimeConversation::drain_output() {
    stdout_.drain();
    stderr_.drain();
}

void RuntimeConversation::ended() {
    stdout_.end();
    stderr_.end();
    listener_->stop();
}

}  // namespace penstock::sinks::process
