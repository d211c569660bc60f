#include "broker/base/clock.h"
#include "lua/budget.h"
#include "lua/cpu_watch.h"
#include "lua/serve.h"

#include <signal.h>
#include <unistd.h>

#include <iostream>

int main() {
    using namespace penstock;
    ::signal(SIGPIPE, SIG_IGN);
    const auto armed = lua::CpuWatch::arm(&lua::budget_hook);
    if (!armed) {
        std::cerr << "penstock-lua: " << armed.error().detail << "\n";
        return 1;
    }
    const SystemClock clock;
    const auto served = lua::serve(STDIN_FILENO, STDOUT_FILENO, lua::Limits{}, clock);
    if (served) return 0;
    std::cerr << "penstock-lua: " << served.error().detail << "\n";
    return 1;
}
