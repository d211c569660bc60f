// Starting processes through the real supervisor: how they end, what they are given, what is said
// when they cannot start.
#include "tests/sinks/worker/supervised.h"

namespace penstock::sinks::worker {
namespace {

using Kind = ProcessEnd::Kind;

class SupervisorStart : public testing::Supervised {
  protected:
    void SetUp() override { open(); }

    std::string file(const std::string& name, const std::string& text, unsigned mode) {
        const std::string path = (folder_ / name).string();
        std::ofstream(path) << text;
        ::chmod(path.c_str(), mode);
        return path;
    }
};

class SupervisorProfiles : public SupervisorStart,
                           public ::testing::WithParamInterface<SandboxProfile> {
  protected:
    bool possible() const {
        return GetParam() != SandboxProfile::strict || layer("namespaces") == "on";
    }
};

TEST_P(SupervisorProfiles, AProcessEndsWithItsStatusOrSignal) {
    ProcessOrder order = shell("echo hello; exit 42");
    order.profile = GetParam();
    const auto exited = run(order);
    if (!possible()) {
        EXPECT_EQ(exited->end->kind, Kind::not_started);
        EXPECT_NE(exited->end->detail.find("strict needs namespaces"), std::string::npos);
        return;
    }
    EXPECT_EQ(exited->end->kind, Kind::exited);
    EXPECT_EQ(exited->end->code, 42);
    EXPECT_EQ(exited->text, "hello\n");
    EXPECT_GT(exited->end->cpu_us, 0U);
    EXPECT_FALSE(exited->end->out_of_memory);
    order = shell("kill -ABRT $$");
    order.profile = GetParam();
    const auto signalled = run(order);
    EXPECT_EQ(signalled->end->kind, Kind::signalled);
    EXPECT_EQ(signalled->end->code, SIGABRT);
    EXPECT_EQ(signalled->ends, 1);
}

TEST_P(SupervisorProfiles, WhatCannotStartIsToldInOneLineWithTheRemedy) {
    const auto told = [&](ProcessOrder order) {
        order.profile = GetParam();
        const auto ended = run(std::move(order));
        EXPECT_EQ(ended->end->kind, Kind::not_started);
        return std::to_string(ended->end->code) + " " + ended->end->detail;
    };
    if (!possible()) return;
    const std::string in = folder_.string();
    EXPECT_EQ(told(order_for({in + "/absent"})),
              "2 no such program: " + in + "/absent: install it or correct the path");
    const std::string plain = file("plain", "#!/bin/sh\n", 0644);
    EXPECT_EQ(told(order_for({plain})),
              "13 the program " + plain + " is not executable: chmod +x " + plain);
    const std::string odd = file("odd", "#!/no/such/shell\n", 0755);
    EXPECT_EQ(told(order_for({odd})),
              "2 the interpreter named in the first line of " + odd +
                  " does not exist: install it or correct the line");
    const std::string text = file("text", "hello\n", 0755);
    EXPECT_EQ(told(order_for({text})),
              "8 " + text + " is no program: it needs a first line such as #!/bin/sh");
    EXPECT_EQ(told(order_for({in})), "13 the program " + in + " is a folder: name a file");
    ProcessOrder nowhere = shell("true");
    nowhere.folder = in + "/nowhere";
    EXPECT_EQ(told(nowhere).substr(0, 2), "2 ");
    EXPECT_NE(told(nowhere).find(in + "/nowhere"), std::string::npos);
}

TEST_P(SupervisorProfiles, OnlyTheGivenDescriptorsAreOpen) {
    if (!possible()) return;
    const int spare = ::open("/dev/null", O_RDONLY);  // inheritable, were it not for the walls
    const auto ended = run(probe("descriptors", GetParam()));
    ::close(spare);
    EXPECT_EQ(ended->text, "open=0\nopen=1\nopen=2\n");
}

TEST_P(SupervisorProfiles, ASignalReachesTheProcessAndItsGroup) {
    if (!possible()) return;
    auto started = start(probe("listen", GetParam()));
    ASSERT_TRUE(until([&] { return started->said("ready=ok"); }));
    link_->signal(started->number, SIGTERM);
    ASSERT_TRUE(until([&] { return started->end.has_value(); }));
    EXPECT_EQ(started->end->kind, Kind::exited);
    EXPECT_EQ(started->end->code, 7);
}

TEST_P(SupervisorProfiles, KillTreeEndsWhatIgnoresEverySignal) {
    if (!possible()) return;
    auto started = start(probe("stubborn", GetParam()));
    ASSERT_TRUE(until([&] { return started->said("ready=ok"); }));
    link_->signal(started->number, SIGTERM);
    link_->kill_tree(started->number);
    ASSERT_TRUE(until([&] { return started->end.has_value(); }));
    EXPECT_EQ(started->end->kind, Kind::signalled);
    EXPECT_EQ(started->end->code, SIGKILL);
    EXPECT_FALSE(started->end->out_of_memory);
}

TEST_P(SupervisorProfiles, KillTreeRightAfterStartIsNotLost) {
    if (!possible()) return;
    for (int round = 0; round < 5; ++round) {
        auto started = start(probe("stubborn", GetParam()));
        link_->kill_tree(started->number);
        ASSERT_TRUE(until([&] { return started->end.has_value(); }));
        EXPECT_EQ(started->end->kind, Kind::signalled);
    }
    EXPECT_TRUE(marked().empty());
}

INSTANTIATE_TEST_SUITE_P(All,
                         SupervisorProfiles,
                         ::testing::Values(SandboxProfile::none,
                                           SandboxProfile::standard,
                                           SandboxProfile::strict),
                         [](const auto& each) { return std::string(to_text(each.param)); });

TEST_F(SupervisorStart, ManyProcessesRunAtOnceAndEachEndIsItsOwn) {
    std::vector<std::shared_ptr<testing::Started>> runs;
    for (int status = 0; status < 50; ++status)
        runs.push_back(start(shell("exit " + std::to_string(status))));
    ASSERT_TRUE(until([&] {
        return std::all_of(
            runs.begin(), runs.end(), [](const auto& each) { return each->end.has_value(); });
    }));
    for (int status = 0; status < 50; ++status) {
        EXPECT_EQ(runs[static_cast<std::size_t>(status)]->end->code, status);
        EXPECT_EQ(runs[static_cast<std::size_t>(status)]->ends, 1);
    }
}

TEST_F(SupervisorStart, DescriptorsAreTakenOverAndClosedHere) {
    const auto open_here = [] {
        const std::filesystem::directory_iterator files("/proc/self/fd");
        return std::distance(begin(files), end(files));
    };
    const auto before = open_here();
    for (int round = 0; round < 20; ++round) run(shell("true"));
    run(order_for({"relative"}));
    EXPECT_EQ(open_here(), before);
}

TEST_F(SupervisorStart, ADescriptorBeyondTheUsualThreeArrives) {
    std::array<int, 2> pipe{-1, -1};
    ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
    std::optional<ProcessEnd> ended;
    const auto nothing = [] {
        return ::open("/dev/null", O_RDWR | O_CLOEXEC);
    };
    link_->start(shell("echo reply >&3"),
                 {nothing(), nothing(), nothing(), pipe[1]},
                 [&](ProcessEnd end) { ended = std::move(end); });
    ASSERT_TRUE(until([&] { return ended.has_value(); }));
    std::array<char, 16> text{};
    EXPECT_EQ(::read(pipe[0], text.data(), text.size()), 6);
    EXPECT_EQ(std::string(text.data()), "reply\n");
    ::close(pipe[0]);
}

TEST_F(SupervisorStart, TheEnvironmentIsTheOrdersAlone) {
    ProcessOrder order = order_for({"/usr/bin/env"});
    order.environment = {"A=1", "B=two words"};
    EXPECT_EQ(run(order)->text, "A=1\nB=two words\n");
}

TEST_F(SupervisorStart, AnOrderThatCanNeverWorkEndsWithoutTheSupervisor) {
    const auto relative = run(order_for({"true"}));
    EXPECT_EQ(relative->end->kind, Kind::not_started);
    EXPECT_EQ(relative->end->detail, "the program \"true\" is no absolute path: give one");
    ProcessOrder order = shell("true");
    order.environment.push_back("LONG=" + std::string(200'000, 'x'));
    EXPECT_EQ(run(order)->end->kind, Kind::not_started);
    EXPECT_EQ(run(shell("exit 5"))->end->code, 5);
}

TEST_F(SupervisorStart, SignalsAndKillsOfEndedOrUnknownProcessesAreHarmless) {
    const auto ended = run(shell("true"));
    link_->signal(ended->number, SIGTERM);
    link_->kill_tree(ended->number);
    link_->kill_tree(123'456'789);
    EXPECT_EQ(run(shell("exit 5"))->end->code, 5);
    EXPECT_EQ(ended->ends, 1);
}

TEST_F(SupervisorStart, EveryWallIsReported) {
    for (const char* name :
         {"user", "cgroup", "tree", "limits", "landlock", "seccomp", "namespaces"})
        EXPECT_NE(layer(name), "") << name;
    EXPECT_EQ(layer("no_new_privs"), "on");
}

}  // namespace
}  // namespace penstock::sinks::worker
