// Whole trees: whatever a process starts is gone when its end is told, with each way of holding
// trees that the machine has.
#include "tests/sinks/worker/supervised.h"

#include <cstdint>
#include <map>

namespace penstock::sinks::worker {
namespace {

using Kind = ProcessEnd::Kind;

// How the supervisor is told to hold trees, and the profile.
struct Holding {
    const char* argument;
    SandboxProfile profile;
};

class SupervisorTree : public testing::Supervised, public ::testing::WithParamInterface<Holding> {
  protected:
    void SetUp() override { open_with(GetParam().argument); }

    [[nodiscard]] bool possible() const {
        return GetParam().profile != SandboxProfile::strict || layer("namespaces") == "on";
    }

    [[nodiscard]] ProcessOrder hostile(const std::string& mode) const {
        ProcessOrder order = probe(mode, GetParam().profile);
        order.limits.processes = 30;
        order.limits.memory_bytes = 64 << 20;
        return order;
    }

    // As root without cgroups and without a user of its own nothing limits a fork bomb.
    [[nodiscard]] bool bounded() const {
        return has("cgroup", "pids") || !as_root() || GetParam().profile != SandboxProfile::none;
    }
};

TEST_P(SupervisorTree, AForkBombLeavesNoProcess) {
    if (!possible() || !bounded()) return;
    auto bomb = start(hostile("bomb"));
    ASSERT_TRUE(until([&] { return marked().size() >= 25 || bomb->end.has_value(); }));
    EXPECT_FALSE(bomb->end.has_value());
    link_->kill_tree(bomb->number);
    ASSERT_TRUE(until([&] { return bomb->end.has_value(); }, std::chrono::seconds(60)));
    EXPECT_EQ(bomb->end->kind, Kind::signalled);
    EXPECT_EQ(bomb->end->code, SIGKILL);
    EXPECT_EQ(marked(), std::vector<pid_t>{});
}

TEST_P(SupervisorTree, ADaemonOfADoubleForkGoesWithItsProcess) {
    if (!possible()) return;
    const auto left = run(hostile("daemon"));
    EXPECT_EQ(left->end->kind, Kind::exited);
    EXPECT_EQ(left->end->code, 0);
    EXPECT_EQ(marked(), std::vector<pid_t>{});
}

TEST_P(SupervisorTree, ADaemonGoesWhenItsTreeIsKilled) {
    if (!possible()) return;
    auto staying = start(hostile("daemon_and_stay"));
    ASSERT_TRUE(until([&] { return staying->said("daemon=ok"); }));
    EXPECT_GE(marked().size(), 2U);
    link_->kill_tree(staying->number);
    ASSERT_TRUE(until([&] { return staying->end.has_value(); }));
    EXPECT_EQ(marked(), std::vector<pid_t>{});
}

TEST_P(SupervisorTree, AnotherProcessOfTheFunctionStaysWhenATreeIsKilled) {
    if (!possible()) return;
    auto first = start(hostile("daemon_and_stay"));
    auto second = start(hostile("listen"));
    ASSERT_TRUE(until([&] { return first->said("daemon=ok") && second->said("ready=ok"); }));
    link_->kill_tree(first->number);
    ASSERT_TRUE(until([&] { return first->end.has_value(); }));
    EXPECT_FALSE(second->end.has_value());
    link_->signal(second->number, SIGTERM);
    ASSERT_TRUE(until([&] { return second->end.has_value(); }));
    EXPECT_EQ(second->end->code, 7);
}

TEST_P(SupervisorTree, ZombieChildrenAreReaped) {
    if (!possible()) return;
    EXPECT_EQ(run(hostile("zombies"))->end->code, 0);
    const auto reaped = [&] {
        return children_of(worker()).empty();
    };
    EXPECT_TRUE(until(reaped)) << children_of(worker()).size();
}

TEST_P(SupervisorTree, AMemoryBombEndsAndSaysSoWhereCgroupsCountMemory) {
    if (!possible()) return;
    const auto bomb = run(hostile("memory"));
    if (has("cgroup", "memory")) {
        EXPECT_EQ(bomb->end->kind, Kind::signalled);
        EXPECT_EQ(bomb->end->code, SIGKILL);
        EXPECT_TRUE(bomb->end->out_of_memory);
    } else {
        EXPECT_EQ(bomb->text, "refused=ENOMEM\n");
        EXPECT_EQ(bomb->end->code, 3);
    }
    EXPECT_EQ(marked(), std::vector<pid_t>{});
    const auto next = run(hostile("identity"));
    EXPECT_EQ(next->end->code, 0);
    EXPECT_FALSE(next->end->out_of_memory);
}

TEST_P(SupervisorTree, TheNumberOfProcessesIsLimited) {
    if (!possible() || !has("cgroup", "pids")) return;
    auto breeder = start(hostile("breed"));
    ASSERT_TRUE(until([&] { return breeder->said("children=29") || breeder->said("children=30"); }))
        << breeder->read();
    link_->kill_tree(breeder->number);
    ASSERT_TRUE(until([&] { return breeder->end.has_value(); }));
    EXPECT_EQ(marked(), std::vector<pid_t>{});
}

TEST_P(SupervisorTree, NothingOutlivesTheWorkingProcess) {
    if (!possible()) return;
    auto staying = start(hostile("daemon_and_stay"));
    ASSERT_TRUE(until([&] { return staying->said("daemon=ok"); }));
    ASSERT_GT(worker(), 0);
    ::kill(worker(), SIGKILL);
    ASSERT_TRUE(until([&] { return staying->end.has_value(); }));
    EXPECT_EQ(staying->end->kind, Kind::lost);
    EXPECT_EQ(marked(), std::vector<pid_t>{});
}

TEST_P(SupervisorTree, NothingOutlivesTheGuardian) {
    if (!possible()) return;
    auto staying = start(hostile("daemon_and_stay"));
    ASSERT_TRUE(until([&] { return staying->said("daemon=ok"); }));
    ::kill(link_->guardian(), SIGKILL);
    ASSERT_TRUE(until([&] { return staying->end.has_value(); }));
    EXPECT_EQ(staying->ends, 1);
    EXPECT_EQ(marked(), std::vector<pid_t>{});
}

TEST_P(SupervisorTree, NothingOutlivesTheServersEndOfTheSocket) {
    if (!possible()) return;
    auto staying = start(hostile("daemon_and_stay"));
    auto bomb = start(hostile(bounded() ? "breed" : "stubborn"));
    ASSERT_TRUE(until([&] { return staying->said("daemon=ok"); }));
    const pid_t guardian = link_->guardian();
    link_.reset();
    EXPECT_TRUE(until([&] { return ::kill(guardian, 0) != 0; }));
    EXPECT_EQ(marked(), std::vector<pid_t>{});
    EXPECT_EQ(staying->ends, 0);
}

// Both at once, with a daemon that has left its parent: cgroups remember, nothing else can.
TEST_P(SupervisorTree, TheNextSupervisorClearsWhatTwoDeadOnesLeft) {
    if (!possible() || layer("tree") != "cgroup") return;
    auto staying = start(hostile("daemon_and_stay"));
    ASSERT_TRUE(until([&] { return staying->said("daemon=ok"); }));
    const pid_t working = worker();
    const pid_t guardian = link_->guardian();
    ::kill(guardian, SIGSTOP);
    ::kill(working, SIGKILL);
    ::kill(guardian, SIGKILL);
    ASSERT_TRUE(until([&] { return staying->end.has_value(); }));
    ASSERT_TRUE(until([&] { return link_->available(); }));
    EXPECT_EQ(marked(), std::vector<pid_t>{});
}

std::string name_of(const ::testing::TestParamInfo<Holding>& info) {
    const std::string argument = info.param.argument;
    const std::string holding = argument.empty() ? "as_found" : argument.substr(10);
    return holding + "_" + std::string(to_text(info.param.profile));
}

TEST_P(SupervisorTree, TheWeightIsWhatAllOfATreeHasInMemory) {
    if (!possible()) return;
    const auto holder = start(hostile("hold"));
    ASSERT_TRUE(until([&] { return holder->said("daemon=ok") && holder->said("holding=ok"); }));
    const auto small = start(hostile("listen"));
    ASSERT_TRUE(until([&] { return small->said("ready=ok"); }));
    std::map<Launcher::ProcessNo, std::uint64_t> bytes;
    for (const auto& started : {holder, small}) {
        link_->weigh(started->number, [&bytes, number = started->number](std::uint64_t weight) {
            bytes[number] = weight;
        });
    }
    ASSERT_TRUE(until([&] { return bytes.size() == 2; }));
    EXPECT_GE(bytes[holder->number], 48ULL << 20);
    EXPECT_LT(bytes[holder->number], 64ULL << 20);
    EXPECT_GT(bytes[small->number], 0U);
    EXPECT_LT(bytes[small->number], 8ULL << 20);
}

TEST_P(SupervisorTree, WhatHasEndedIsNotWeighedAnyMore) {
    if (!possible()) return;
    const auto ended = start(hostile("identity"));
    bool told = false;
    link_->weigh(ended->number, [&told](std::uint64_t) { told = true; });
    ASSERT_TRUE(until([&] { return ended->end.has_value(); }));
    told = false;
    link_->weigh(ended->number, [&told](std::uint64_t) { told = true; });
    const auto next = run(hostile("identity"));
    EXPECT_FALSE(told);
}

INSTANTIATE_TEST_SUITE_P(All,
                         SupervisorTree,
                         ::testing::Values(Holding{"", SandboxProfile::none},
                                           Holding{"", SandboxProfile::standard},
                                           Holding{"", SandboxProfile::strict},
                                           Holding{"--cgroups=v1", SandboxProfile::standard},
                                           Holding{"--cgroups=none", SandboxProfile::none},
                                           Holding{"--cgroups=none", SandboxProfile::standard},
                                           Holding{"--cgroups=none", SandboxProfile::strict}),
                         name_of);

}  // namespace
}  // namespace penstock::sinks::worker
