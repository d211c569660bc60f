// Supervised: a real penstock-supervisor behind a SupervisorLink, driven on the test's thread. Each
// test has a folder of its own outside /tmp, with the prober in it, that other users may read.
#pragma once

#include "sinks/worker/supervisor_link.h"
#include "tests/support/run_until.h"

#include <boost/asio/io_context.hpp>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace penstock::sinks::worker::testing {

namespace fs = std::filesystem;

// What a started process has said and how it ended.
struct Started {
    Launcher::ProcessNo number = 0;
    int output = -1;  // our end of its standard output
    std::string text;
    std::optional<ProcessEnd> end;
    int ends = 0;  // how often its end was told

    Started() = default;
    Started(const Started&) = delete;
    Started& operator=(const Started&) = delete;

    ~Started() {
        if (output >= 0) ::close(output);
    }

    // Takes what is there without waiting.
    const std::string& read() {
        std::array<char, 4'096> piece{};
        for (;;) {
            const ssize_t bytes = ::read(output, piece.data(), piece.size());
            if (bytes <= 0) return text;
            text.append(piece.data(), static_cast<std::size_t>(bytes));
        }
    }

    [[nodiscard]] bool said(const std::string& line) {
        return ("\n" + read()).find("\n" + line + "\n") != std::string::npos;
    }
};

class Supervised : public ::testing::Test {
  protected:
    Supervised() {
        std::string pattern = "/var/tmp/penstock_test_XXXXXX";
        if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no test folder");
        folder_ = pattern;
        ::chmod(pattern.c_str(), 0755);
        fs::copy_file(PENSTOCK_PROBER, folder_ / "prober");
        mark_ = "PENSTOCK_TEST_MARK=" + folder_.filename().string();
    }

    ~Supervised() override {
        if (link_) shut_down();
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
    }

    void open(LinkOptions options = {}) {
        options.program = PENSTOCK_SUPERVISOR;
        link_ = std::make_unique<SupervisorLink>(context_.get_executor(), std::move(options));
        link_->open();
        ASSERT_TRUE(until([this] { return link_->available(); })) << link_->problem();
    }

    void open_with(const std::string& argument) {
        LinkOptions options;
        if (!argument.empty()) options.arguments = {argument};
        open(std::move(options));
    }

    void shut_down() {
        bool done = false;
        link_->stop(std::chrono::seconds(10), [&] { done = true; });
        EXPECT_TRUE(until([&] { return done; }));
        link_.reset();
    }

    template <class Predicate>
    bool until(Predicate holds, std::chrono::milliseconds limit = std::chrono::seconds(20)) {
        return penstock::testing::run_until(context_, holds, limit);
    }

    [[nodiscard]] ProcessOrder order_for(std::vector<std::string> command) const {
        ProcessOrder order;
        order.command = std::move(command);
        order.environment = {"PATH=/usr/bin:/bin", mark_};
        order.folder = folder_.string();
        order.function = 7;
        return order;
    }

    [[nodiscard]] ProcessOrder probe(const std::string& mode,
                                     SandboxProfile profile = SandboxProfile::standard) const {
        ProcessOrder order = order_for({(folder_ / "prober").string(), mode});
        order.profile = profile;
        return order;
    }

    [[nodiscard]] ProcessOrder shell(const std::string& script) const {
        return order_for({"/bin/sh", "-c", script});
    }

    std::shared_ptr<Started> start(ProcessOrder order) {
        auto run = std::make_shared<Started>();
        std::array<int, 2> pipe{-1, -1};
        if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
        ::fcntl(pipe[0], F_SETFL, O_NONBLOCK);
        run->output = pipe[0];
        run->number = link_->start(std::move(order),
                                   {::open("/dev/null", O_RDONLY | O_CLOEXEC),
                                    pipe[1],
                                    ::fcntl(pipe[1], F_DUPFD_CLOEXEC, 0)},
                                   [weak = std::weak_ptr(run)](ProcessEnd end) {
                                       const auto told = weak.lock();
                                       if (!told) return;
                                       told->end = std::move(end);
                                       ++told->ends;
                                   });
        return run;
    }

    std::shared_ptr<Started> run(ProcessOrder order) {
        auto started = start(std::move(order));
        EXPECT_TRUE(until([&] { return started->end.has_value(); })) << started->read();
        if (!started->end) started->end = ProcessEnd{};
        started->read();
        return started;
    }

    [[nodiscard]] std::string layer(const std::string& name) const {
        for (const auto& layer : link_->layers()) {
            if (layer.name == name) return layer.state;
        }
        return {};
    }

    [[nodiscard]] bool has(const std::string& layer_name, const std::string& what) const {
        return layer(layer_name).find(what) != std::string::npos;
    }

    [[nodiscard]] bool as_root() const { return has("user", "one for each"); }

    // Processes of this test that live, wherever they have gone: their environment has the mark.
    [[nodiscard]] std::vector<pid_t> marked() const {
        std::vector<pid_t> found;
        std::error_code problem;
        const fs::directory_iterator end;
        for (fs::directory_iterator at("/proc", problem); !problem && at != end;
             at.increment(problem)) {
            const std::string name = at->path().filename().string();
            if (name.find_first_not_of("0123456789") != std::string::npos) continue;
            std::ifstream file(at->path() / "environ");
            std::stringstream text;
            text << file.rdbuf();
            const bool ours = text.str().find(mark_) != std::string::npos;
            if (ours) found.push_back(static_cast<pid_t>(std::stoi(name)));
        }
        return found;
    }

    // The children of a process, by the kernel's list.
    [[nodiscard]] static std::vector<pid_t> children_of(pid_t process) {
        std::ifstream file("/proc/" + std::to_string(process) + "/task/" + std::to_string(process) +
                           "/children");
        std::vector<pid_t> found;
        for (pid_t child = 0; file >> child;) found.push_back(child);
        return found;
    }

    // The supervisor's working process.
    [[nodiscard]] pid_t worker() const {
        const auto children = children_of(link_->guardian());
        return children.empty() ? 0 : children.front();
    }

    boost::asio::io_context context_;
    fs::path folder_;
    std::string mark_;
    std::unique_ptr<SupervisorLink> link_;
};

}  // namespace penstock::sinks::worker::testing
