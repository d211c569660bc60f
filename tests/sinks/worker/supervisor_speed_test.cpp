// How many short processes a second go through the supervisor, for each profile; printed, and
// checked against a floor far below what a quiet machine does.
#include "tests/sinks/worker/supervised.h"

#include <sys/resource.h>

#include <cstdio>
#include <deque>

namespace penstock::sinks::worker {
namespace {

class SupervisorSpeed : public testing::Supervised {
  protected:
    struct Figures {
        double per_second = 0;
        double own_us = 0;  // processor time of the server's side, for each process
    };

    static double own_us() {
        rusage used{};
        ::getrusage(RUSAGE_SELF, &used);
        const auto micro = [](const timeval& time) {
            return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
        };
        return micro(used.ru_utime) + micro(used.ru_stime);
    }

    Figures measure(SandboxProfile profile, int total, int at_once) {
        int begun = 0;
        int ended = 0;
        int failed = 0;
        std::function<void()> next = [&] {
            if (begun == total) return;
            ++begun;
            ProcessOrder order = order_for({"/bin/true"});
            order.profile = profile;
            link_->start(std::move(order), {}, [&](ProcessEnd end) {
                ++ended;
                if (end.kind != ProcessEnd::Kind::exited) ++failed;
                next();
            });
        };
        const double own_before = own_us();
        const auto before = std::chrono::steady_clock::now();
        for (int count = 0; count < at_once; ++count) next();
        EXPECT_TRUE(until([&] { return ended == total; }, std::chrono::seconds(60)));
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - before;
        EXPECT_EQ(failed, 0);
        return {total / took.count(), (own_us() - own_before) / total};
    }
};

TEST_F(SupervisorSpeed, ShortProcessesASecondInEachProfile) {
    open();
    for (const auto profile :
         {SandboxProfile::none, SandboxProfile::standard, SandboxProfile::strict}) {
        if (profile == SandboxProfile::strict && layer("namespaces") != "on") continue;
        measure(profile, 50, 4);
        for (const int at_once : {1, 4}) {
            const Figures figures = measure(profile, 500, at_once);
            std::printf(
                "%-8s %d at once: %5.0f a second, %3.0f us of the server's processor each\n",
                std::string(to_text(profile)).c_str(),
                at_once,
                figures.per_second,
                figures.own_us);
            EXPECT_GT(figures.per_second, 50);
        }
    }
}

}  // namespace
}  // namespace penstock::sinks::worker
