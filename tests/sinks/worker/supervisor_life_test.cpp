// The life of the supervisor itself: dying, hanging, missing, stopping; and what it does with a
// server that speaks nonsense.
#include "sinks/worker/control.h"
#include "sinks/worker/datagram.h"
#include "sinks/worker/pidfd.h"
#include "sinks/worker/supervisor_program.h"
#include "tests/sinks/worker/supervised.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>

namespace penstock::sinks::worker {
namespace {

using Kind = ProcessEnd::Kind;
using std::chrono::milliseconds;

class SupervisorLife : public testing::Supervised {
  protected:
    static LinkOptions quick() {
        LinkOptions options;
        options.back_off_first = milliseconds(20);
        options.back_off_last = milliseconds(80);
        return options;
    }
};

TEST(Pidfd, SaysThatAProcessHasEndedOnlyOnceItHas) {
    const pid_t child = ::fork();
    if (child == 0) {
        for (;;) ::pause();
    }
    const OwnedFile pidfd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    ASSERT_TRUE(pidfd.open());
    EXPECT_FALSE(has_ended(pidfd.get()));
    ::kill(child, SIGKILL);
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT);
    EXPECT_TRUE(has_ended(pidfd.get()));
    ::waitpid(child, nullptr, 0);
    EXPECT_TRUE(has_ended(pidfd.get()));
}

TEST(SupervisorProgram, OneThatCannotBeWatchedLeavesNoZombie) {
    while (::waitpid(-1, nullptr, WNOHANG) > 0) continue;
    // Two numbers in a row are free, for the socket's ends, and none above them is allowed.
    std::vector<OwnedFile> taken;
    int first = ::dup(STDIN_FILENO);
    int second = ::dup(STDIN_FILENO);
    while (second != first + 1) {
        taken.emplace_back(first);
        first = second;
        second = ::dup(STDIN_FILENO);
    }
    ::close(first);
    ::close(second);
    rlimit usual{};
    ::getrlimit(RLIMIT_NOFILE, &usual);
    const rlimit scarce{static_cast<rlim_t>(second + 1), usual.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &scarce), 0);
    const auto started = start_supervisor("/bin/true", {});
    ::setrlimit(RLIMIT_NOFILE, &usual);
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().code, Errc::unavailable) << started.error().detail;
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "there is a child";
    EXPECT_EQ(errno, ECHILD);
}

TEST_F(SupervisorLife, ADeadSupervisorIsReplacedAndItsProcessesAreLost) {
    open(quick());
    auto first = start(probe("wait"));
    auto second = start(probe("wait"));
    ASSERT_TRUE(until([&] { return marked().size() >= 2; }));
    const pid_t before = link_->guardian();
    ::kill(worker(), SIGKILL);
    ASSERT_TRUE(until([&] { return first->end && second->end; }));
    EXPECT_EQ(first->end->kind, Kind::lost);
    EXPECT_EQ(second->end->kind, Kind::lost);
    EXPECT_FALSE(link_->available());
    EXPECT_NE(link_->problem(), "");
    const auto refused = run(shell("true"));
    EXPECT_EQ(refused->end->kind, Kind::lost);
    ASSERT_TRUE(until([&] { return link_->available(); }));
    EXPECT_EQ(link_->problem(), "");
    EXPECT_NE(link_->guardian(), before);
    EXPECT_EQ(run(shell("exit 4"))->end->code, 4);
    EXPECT_EQ(first->ends, 1);
    EXPECT_EQ(second->ends, 1);
}

TEST_F(SupervisorLife, ManyDeathsInARowLoseNoEnd) {
    open(quick());
    for (int round = 0; round < 5; ++round) {
        std::vector<std::shared_ptr<testing::Started>> runs;
        for (int count = 0; count < 10; ++count) runs.push_back(start(probe("wait")));
        ::kill(round % 2 == 0 ? worker() : link_->guardian(), SIGKILL);
        for (const auto& each : runs) {
            ASSERT_TRUE(until([&] { return each->end.has_value(); }));
            EXPECT_EQ(each->ends, 1);
        }
        EXPECT_EQ(marked(), std::vector<pid_t>{});
        ASSERT_TRUE(until([&] { return link_->available(); }));
    }
}

TEST_F(SupervisorLife, ASupervisorThatHangsIsKilledAndReplaced) {
    LinkOptions options = quick();
    options.ping_every = milliseconds(20);
    options.pings_max = 3;
    open(options);
    auto waiting = start(probe("wait"));
    ASSERT_TRUE(until([&] { return !marked().empty(); }));
    ::kill(worker(), SIGSTOP);
    ::kill(link_->guardian(), SIGSTOP);
    ASSERT_TRUE(until([&] { return waiting->end.has_value(); }));
    EXPECT_EQ(waiting->end->kind, Kind::lost);
    EXPECT_EQ(marked(), std::vector<pid_t>{});
    ASSERT_TRUE(until([&] { return link_->available(); }));
    EXPECT_EQ(run(shell("exit 4"))->end->code, 4);
}

TEST_F(SupervisorLife, PingsKeepAHealthyOneAlive) {
    LinkOptions options = quick();
    options.ping_every = milliseconds(5);
    options.pings_max = 100;
    open(options);
    const pid_t before = link_->guardian();
    until([] { return false; }, milliseconds(300));
    EXPECT_EQ(link_->guardian(), before);
    EXPECT_TRUE(link_->available());
}

TEST_F(SupervisorLife, SignalsOfATerminalOrServiceManagerAreLeftToTheServer) {
    open();
    auto waiting = start(probe("wait"));
    ASSERT_TRUE(until([&] { return !marked().empty(); }));
    const pid_t before = link_->guardian();
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
        ::kill(worker(), signal);
        ::kill(link_->guardian(), signal);
    }
    EXPECT_EQ(run(shell("exit 4"))->end->code, 4);
    EXPECT_EQ(link_->guardian(), before);
    EXPECT_FALSE(waiting->end.has_value());
}

TEST_F(SupervisorLife, AMissingExecutableIsToldAndTriedAgain) {
    LinkOptions options = quick();
    options.program = (folder_ / "later").string();
    link_ = std::make_unique<SupervisorLink>(context_.get_executor(), options);
    link_->open();
    EXPECT_EQ(link_->problem(), "cannot start " + options.program + ": No such file or directory");
    EXPECT_FALSE(link_->available());
    EXPECT_EQ(link_->guardian(), 0);
    std::filesystem::create_symlink(PENSTOCK_SUPERVISOR, options.program);
    EXPECT_TRUE(until([&] { return link_->available(); }));
}

TEST_F(SupervisorLife, AnExecutableThatIsNoSupervisorIsNotBelieved) {
    LinkOptions options = quick();
    options.program = "/bin/true";
    link_ = std::make_unique<SupervisorLink>(context_.get_executor(), options);
    link_->open();
    EXPECT_FALSE(until([&] { return link_->available(); }, milliseconds(300)));
    EXPECT_NE(link_->problem(), "");
}

TEST_F(SupervisorLife, StopEndsEverythingAndThenSaysSo) {
    open();
    auto stubborn = start(probe("stubborn"));
    ASSERT_TRUE(until([&] { return stubborn->said("ready=ok"); }));
    const pid_t guardian = link_->guardian();
    bool done = false;
    link_->stop(std::chrono::seconds(10), [&] {
        done = true;
        EXPECT_TRUE(stubborn->end.has_value());
    });
    ASSERT_TRUE(until([&] { return done; }));
    ASSERT_TRUE(stubborn->end.has_value());
    EXPECT_EQ(stubborn->end->kind, Kind::signalled);
    EXPECT_EQ(stubborn->end->code, SIGKILL);
    EXPECT_NE(::kill(guardian, 0), 0);
    EXPECT_EQ(run(shell("true"))->end->kind, Kind::lost);
    link_.reset();
}

TEST_F(SupervisorLife, StopOfAHangingSupervisorKeepsItsDeadline) {
    open();
    auto waiting = start(probe("wait"));
    ASSERT_TRUE(until([&] { return !marked().empty(); }));
    ::kill(worker(), SIGSTOP);
    bool done = false;
    link_->stop(milliseconds(100), [&] { done = true; });
    ASSERT_TRUE(until([&] { return done; }));
    EXPECT_EQ(waiting->end->kind, Kind::lost);
    EXPECT_TRUE(until([&] { return marked().empty(); }));
    link_.reset();
}

TEST_F(SupervisorLife, ALinkThatIsDestroyedCallsNobodyAndLeavesNothing) {
    open();
    auto waiting = start(probe("wait"));
    ASSERT_TRUE(until([&] { return !marked().empty(); }));
    const pid_t guardian = link_->guardian();
    link_.reset();
    EXPECT_TRUE(until([&] { return ::kill(guardian, 0) != 0; }));
    EXPECT_EQ(marked(), std::vector<pid_t>{});
    EXPECT_EQ(waiting->ends, 0);
}

TEST_F(SupervisorLife, MoreStartsThanTheSocketTakesWaitAndAllEnd) {
    open();
    std::vector<std::shared_ptr<testing::Started>> runs;
    for (int count = 0; count < 200; ++count) {
        ProcessOrder order = order_for({"/bin/true"});
        order.environment.push_back("LARGE=" + std::string(50'000, 'x'));
        runs.push_back(start(std::move(order)));
    }
    for (const auto& each : runs) {
        ASSERT_TRUE(until([&] { return each->end.has_value(); }));
        EXPECT_EQ(each->end->kind, Kind::exited) << each->end->detail;
    }
}

TEST_F(SupervisorLife, StartsBeyondTheQueueAreLostNotKept) {
    LinkOptions options = quick();
    options.letters_max = 4;
    open(options);
    ::kill(worker(), SIGSTOP);
    std::vector<std::shared_ptr<testing::Started>> runs;
    for (int count = 0; count < 60; ++count) {
        ProcessOrder order = order_for({"/bin/true"});
        order.environment.push_back("LARGE=" + std::string(100'000, 'x'));
        runs.push_back(start(std::move(order)));
    }
    ASSERT_TRUE(until([&] { return runs.back()->end.has_value(); }));
    EXPECT_EQ(runs.back()->end->kind, Kind::lost);
    EXPECT_EQ(runs.back()->end->detail, "too many starts wait");
    ::kill(worker(), SIGCONT);
    ASSERT_TRUE(until([&] { return runs.front()->end.has_value(); }));
    EXPECT_EQ(runs.front()->end->kind, Kind::exited);
}

// The server's side by hand.
class SupervisorSocket : public SupervisorLife {
  protected:
    void SetUp() override {
        auto program = start_supervisor(PENSTOCK_SUPERVISOR, {});
        ASSERT_TRUE(program.has_value());
        program_ = std::move(*program);
        ASSERT_TRUE(std::holds_alternative<Hello>(heard()));
        start_one();
    }

    FromSupervisor heard() {
        pollfd waiting{program_.socket.get(), POLLIN, 0};
        EXPECT_EQ(::poll(&waiting, 1, 10'000), 1);
        std::string buffer(message_bytes_max, '\0');
        auto datagram = receive_datagram(program_.socket.get(), buffer);
        if (!datagram || !*datagram) return Pong{0};
        auto message = decode_from_supervisor((*datagram)->bytes);
        return message ? *message : FromSupervisor{Pong{0}};
    }

    void start_one() {
        const std::string bytes = encode(ToSupervisor{StartProcess{1, probe("wait"), 0}});
        EXPECT_EQ(send_datagram(program_.socket.get(), bytes, {}), Sent::done);
        EXPECT_TRUE(until([&] { return !marked().empty(); }));
    }

    void say(const std::string& bytes) {
        EXPECT_EQ(send_datagram(program_.socket.get(), bytes, {}), Sent::done);
    }

    int exit_status() {
        pollfd waiting{program_.pidfd.get(), POLLIN, 0};
        EXPECT_EQ(::poll(&waiting, 1, 10'000), 1);
        int status = -1;
        ::waitpid(program_.guardian, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

    SupervisorProgram program_;
};

TEST_F(SupervisorSocket, AnswersPings) {
    say(encode(ToSupervisor{Ping{77}}));
    const auto answer = heard();
    ASSERT_TRUE(std::holds_alternative<Pong>(answer));
    EXPECT_EQ(std::get<Pong>(answer).token, 77U);
    program_.socket.reset();
    EXPECT_EQ(exit_status(), 0);
    EXPECT_EQ(marked(), std::vector<pid_t>{});
}

TEST_F(SupervisorSocket, GarbageEndsItAndItsTrees) {
    say("garbage");
    EXPECT_EQ(exit_status(), 2);
    EXPECT_EQ(marked(), std::vector<pid_t>{});
}

TEST_F(SupervisorSocket, ACutMessageEndsItAndItsTrees) {
    const std::string whole = encode(ToSupervisor{StartProcess{2, probe("wait"), 0}});
    say(whole.substr(0, whole.size() / 2));
    EXPECT_EQ(exit_status(), 2);
    EXPECT_EQ(marked(), std::vector<pid_t>{});
}

TEST_F(SupervisorSocket, AMessageBeyondTheLimitEndsItAndItsTrees) {
    say(encode(ToSupervisor{Ping{1}}) + std::string(message_bytes_max, 'x'));
    EXPECT_EQ(exit_status(), 2);
    EXPECT_EQ(marked(), std::vector<pid_t>{});
}

TEST_F(SupervisorSocket, DescriptorsThatAreMissingOrTooManyEndIt) {
    say(encode(ToSupervisor{StartProcess{2, probe("wait"), 3}}));
    EXPECT_EQ(exit_status(), 2);
    EXPECT_EQ(marked(), std::vector<pid_t>{});
}

TEST_F(SupervisorSocket, ANumberUsedTwiceEndsIt) {
    say(encode(ToSupervisor{StartProcess{1, probe("wait"), 0}}));
    EXPECT_EQ(exit_status(), 2);
    EXPECT_EQ(marked(), std::vector<pid_t>{});
}

TEST_F(SupervisorSocket, AFloodOfPingsThatNobodyReadsIsBounded) {
    const std::string ping = encode(ToSupervisor{Ping{1}});
    pollfd waiting{program_.socket.get(), POLLOUT, 0};
    for (int count = 0; count < 300'000; ++count) {
        const Sent sent = send_datagram(program_.socket.get(), ping, {});
        if (sent == Sent::gone) break;
        if (sent == Sent::later) ::poll(&waiting, 1, 1'000);
    }
    program_.socket.reset();
    EXPECT_NE(exit_status(), -1);
    EXPECT_EQ(marked(), std::vector<pid_t>{});
}

TEST(SupervisorProgramAlone, WithoutAServerItSaysWhoStartsIt) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::close(3);
        ::execl(PENSTOCK_SUPERVISOR, "penstock-supervisor", nullptr);
        ::_exit(99);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 64);
}

}  // namespace
}  // namespace penstock::sinks::worker
