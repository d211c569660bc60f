// LuaTrials: loads scripts before they are used, each in a penstock-lua of its own that is ended
// behind its one answer, so that whoever gives a script hears what is wrong with it. Asked from any
// thread, lives on its executor's. What cannot be told in time is untried: a trial spares its user
// a failed message, nothing relies on it.
#pragma once

#include "broker/api/functions.h"
#include "broker/base/clock.h"
#include "sinks/lua/lua_contract.h"
#include "sinks/worker/launcher.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

namespace penstock::sinks::lua {

struct LuaTrialLimits {
    std::size_t at_once_max = 2;  // processes
    std::size_t waiting_max = 64;
    std::chrono::milliseconds time_max{5'000};  // from being asked to being answered
    std::chrono::milliseconds look_again{50};   // while no process can be started
};

class LuaTrials final : public api::ScriptTrials {
  public:
    // `clock` and `launcher` outlive it.
    LuaTrials(boost::asio::any_io_executor executor,
              const Clock& clock,
              worker::Launcher& launcher,
              LuaProgram program,
              const LuaTrialLimits& limits = {});
    ~LuaTrials() override;

    void load(model::Script script,
              std::uint32_t memory_mib,
              std::function<void(api::ScriptTrial)> answer) override;

  private:
    class Trial;

    void take(std::shared_ptr<Trial> trial);
    void start_waiting();
    void over(const Trial& trial);

    boost::asio::any_io_executor executor_;
    const Clock& clock_;
    worker::Launcher& launcher_;
    LuaProgram program_;
    LuaTrialLimits limits_;
    boost::asio::steady_timer look_again_;
    std::deque<std::shared_ptr<Trial>> waiting_;
    std::vector<std::shared_ptr<Trial>> running_;  // until their processes are gone
};

}  // namespace penstock::sinks::lua
