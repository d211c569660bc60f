#include "broker/cli/job_steering.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>

#include <chrono>

namespace penstock::cli {

namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds look_pause{500};

}  // namespace

void JobSteering::add_to(CLI::App& verb) {
    verb.add_option("--rate", rate_, "At most so many a second, such as 50/s");
    verb.add_flag("--preview", preview_, "Only count them");
    verb.add_flag("--wait", wait_, "Stay until it is done, and tell how far it is");
    CLI::Option* progress = verb.add_flag("--progress", progress_, "How far the last one is");
    CLI::Option* pause = verb.add_flag("--pause", pause_, "Pause the one that runs");
    CLI::Option* resume = verb.add_flag("--resume", resume_, "Go on with the paused one");
    CLI::Option* cancel = verb.add_flag("--cancel", cancel_, "End the one that runs");
    progress->excludes(pause, resume, cancel);
    pause->excludes(resume, cancel);
    resume->excludes(cancel);
}

int JobSteering::steer(const std::string& path) {
    json::object body;
    if (pause_) body["action"] = "pause";
    if (resume_) body["action"] = "resume";
    if (cancel_) body["action"] = "cancel";
    const auto job = progress_ ? session_.get(path) : session_.send("PATCH", path, body);
    if (!job) return session_.fail(job.error());
    if (wait_) return wait(path);
    return session_.show(*job);
}

std::optional<Failure> JobSteering::put(json::object& body) const {
    if (preview_) body["preview"] = true;
    if (rate_.empty()) return {};
    const auto rate = parse_rate(rate_);
    if (!rate) return rate.error();
    body["rate"] = *rate;
    return {};
}

int JobSteering::start(const std::string& path,
                       const json::object& body,
                       const Words& words,
                       const std::string& again) {
    const auto started = session_.send("POST", path, body);
    if (!started) return session_.fail(started.error());
    const std::string count = at_path(*started, "messages");
    const bool job = started->contains("job");
    if (wait_ && job) return wait(path);
    return session_.say((preview_ ? words.preview : words.started) + count,
                        *started,
                        preview_ ? again
                        : job    ? again + " --progress"
                                 : "");
}

void JobSteering::show_progress(const json::object& job) {
    std::string line = at_path(job, "state") + ": " + at_path(job, "taken") + " sent, " +
                       at_path(job, "looked_at") + " of " + at_path(job, "total") + " looked at";
    const std::string left = at_path(job, "seconds_left");
    if (!left.empty()) line += ", about " + left + " s left";
    // Over itself where people watch, line by line elsewhere.
    session_.world().err << (session_.world().terminal_out ? "\r\x1b[K" : "") << line
                         << (session_.world().terminal_out ? "" : "\n") << std::flush;
}

// Ends with the job, which may last: whoever waits may stop waiting, the job goes on.
int JobSteering::wait(const std::string& path) {
    while (true) {
        const auto job = session_.get(path);
        if (!job) return session_.fail(job.error());
        const std::string state = at_path(*job, "state");
        const bool over = state == "done" || state == "cancelled";
        if (over || state == "paused") {
            if (session_.world().terminal_out) session_.world().err << "\n";
            return session_.show(*job);
        }
        show_progress(*job);
        boost::asio::io_context context;
        boost::asio::steady_timer(context, look_pause).wait();
    }
}

}  // namespace penstock::cli
