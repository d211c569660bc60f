#include "sinks/lua/lua_trials.h"

#include "sinks/worker/frame_link.h"
#include "sinks/worker/protocol.h"
#include "sinks/worker/wording.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <csignal>
#include <optional>
#include <string>
#include <utility>

namespace penstock::sinks::lua {
namespace {

using Kind = api::ScriptTrial::Kind;
using worker::ProcessEnd;

// Deployed, it gets a number of its own; no message knows this one.
constexpr std::uint32_t trial_version = 1;

worker::Script wire_script(model::Script script) {
    worker::Script wire;
    wire.role = model::to_text(script.role);
    wire.version = trial_version;
    wire.code = std::move(script.code);
    wire.name = std::move(script.file);
    return wire;
}

// Ends that come from outside say nothing of the script: the server stops, the machine is short of
// memory, a library is missing.
bool came_from_outside(const ProcessEnd& end) {
    if (end.out_of_memory) return false;
    if (end.kind == ProcessEnd::Kind::exited) return worker::is_configuration(end);
    return end.kind != ProcessEnd::Kind::signalled || end.code == SIGKILL || end.code == SIGTERM;
}

}  // namespace

// One script on its way through one process.
class LuaTrials::Trial final : private worker::FrameLink::Listener,
                               public std::enable_shared_from_this<Trial> {
  public:
    using Answer = std::function<void(api::ScriptTrial)>;

    Trial(LuaTrials& trials, model::Script script, std::uint32_t memory_mib, Answer answer)
        : trials_(trials),
          memory_mib_(state_memory_mib(
              script.role == model::ScriptRole::handler ? LuaDuty::handler : LuaDuty::stage,
              memory_mib)),
          script_(wire_script(std::move(script))),
          answer_(std::move(answer)),
          timer_(trials.executor_) {}

    void await(std::chrono::milliseconds time) {
        timer_.expires_after(time);
        timer_.async_wait([weak = weak_from_this(), time](const boost::system::error_code& code) {
            const auto self = weak.lock();
            if (code || !self) return;
            self->conclude({Kind::untried, "no answer within " + worker::shown_time(time.count())});
        });
    }

    [[nodiscard]] bool concluded() const { return !answer_; }

    // False: it is concluded and has no process.
    bool start() {
        std::vector<int> files;
        auto link = worker::FrameLink::open(trials_.executor_, trials_.clock_, *this, {}, files);
        if (!link) {
            conclude({Kind::untried, link.error().detail});
            return false;
        }
        link_ = std::move(*link);
        script_begin_ = link_->put(worker::script_frame(script_));
        link_->flush();
        process_ = trials_.launcher_.start(lua_order(trials_.program_, memory_mib_),
                                           std::move(files),
                                           [weak = weak_from_this()](const ProcessEnd& end) {
                                               if (const auto self = weak.lock()) self->ended(end);
                                           });
        return true;
    }

    void conclude(api::ScriptTrial trial) {
        if (concluded()) return;
        timer_.cancel();
        if (process_) trials_.launcher_.kill_tree(*process_);
        std::exchange(answer_, {})(std::move(trial));
    }

  private:
    bool on_frame(std::string_view, worker::Heard heard) override {
        if (heard.kind != worker::Heard::Kind::loaded || !heard.problem.empty()) return false;
        const bool loads = heard.loaded.error.empty();
        conclude({loads ? Kind::loads : Kind::fails, std::move(heard.loaded.error)});
        return true;
    }

    void on_stderr(std::string_view line) override { last_words_ = worker::last_words(line); }

    void on_room() override {}

    void on_breach(std::string_view what) override {
        conclude({Kind::untried, "penstock-lua: " + std::string(what)});
    }

    // What it has said before is heard first.
    void ended(const ProcessEnd& end) {
        link_->ended();
        const std::string said = "penstock-lua " + worker::shown_end(end) + last_words_;
        if (came_from_outside(end) || !link_->has_read(script_begin_)) {
            conclude({Kind::untried, said});
        } else {
            const std::string& name = script_.name.empty() ? script_.role : script_.name;
            conclude({Kind::fails, name + ":1: while loading, " + said});
        }
        trials_.over(*this);
    }

    LuaTrials& trials_;
    std::uint32_t memory_mib_;
    worker::Script script_;
    Answer answer_;
    boost::asio::steady_timer timer_;
    std::unique_ptr<worker::FrameLink> link_;
    std::uint64_t script_begin_ = 0;
    std::string last_words_;
    std::optional<worker::Launcher::ProcessNo> process_;
};

LuaTrials::LuaTrials(boost::asio::any_io_executor executor,
                     const Clock& clock,
                     worker::Launcher& launcher,
                     LuaProgram program,
                     const LuaTrialLimits& limits)
    : executor_(std::move(executor)),
      clock_(clock),
      launcher_(launcher),
      program_(std::move(program)),
      limits_(limits),
      look_again_(executor_) {}

LuaTrials::~LuaTrials() = default;

void LuaTrials::load(model::Script script,
                     std::uint32_t memory_mib,
                     std::function<void(api::ScriptTrial)> answer) {
    boost::asio::post(
        executor_,
        [this, script = std::move(script), memory_mib, answer = std::move(answer)]() mutable {
            take(std::make_shared<Trial>(*this, std::move(script), memory_mib, std::move(answer)));
        });
}

void LuaTrials::take(std::shared_ptr<Trial> trial) {
    if (waiting_.size() >= limits_.waiting_max) {
        return trial->conclude({Kind::untried, "too many scripts wait for it"});
    }
    trial->await(limits_.time_max);
    waiting_.push_back(std::move(trial));
    start_waiting();
}

void LuaTrials::start_waiting() {
    while (!waiting_.empty() && running_.size() < limits_.at_once_max) {
        // One that ran out of time waits for nothing.
        if (waiting_.front()->concluded()) {
            waiting_.pop_front();
            continue;
        }
        // The supervisor starts, or starts again.
        if (!launcher_.available()) {
            look_again_.expires_after(limits_.look_again);
            return look_again_.async_wait([this](const boost::system::error_code& code) {
                if (!code) start_waiting();
            });
        }
        const std::shared_ptr<Trial> next = std::move(waiting_.front());
        waiting_.pop_front();
        if (next->start()) running_.push_back(next);
    }
}

// Called by the trial, whose caller holds it.
void LuaTrials::over(const Trial& trial) {
    std::erase_if(running_, [&trial](const auto& one) { return one.get() == &trial; });
    start_waiting();
}

}  // namespace penstock::sinks::lua
