// IoPool: the I/O threads. Each runs its own io_context, so whatever is born on one lives and dies
// on one thread and needs no lock. Made and owned by main; made first, destroyed last of all that
// does I/O. next() and at() are safe from any thread; stop() belongs to the owner.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace penstock::plugins {

namespace asio = boost::asio;

class IoPool {
  public:
    // Starts `threads` threads (at least one), called `name` and a number; of 13 letters at most.
    explicit IoPool(std::size_t threads, const std::string& name = "penstock-io");

    ~IoPool();  // as stop()

    IoPool(const IoPool&) = delete;
    IoPool& operator=(const IoPool&) = delete;

    [[nodiscard]] std::size_t size() const { return lanes_.size(); }

    asio::io_context& at(std::size_t index) { return lanes_[index]->context; }

    // The contexts in turn.
    asio::io_context& next();

    // Stops every context at once, whatever waits there, and joins the threads. Never from one of
    // them. Harmless when repeated.
    void stop();

  private:
    struct Lane {
        asio::io_context context{1};
        asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
        std::thread thread;
    };

    std::vector<std::unique_ptr<Lane>> lanes_;
    std::atomic<std::size_t> turn_{0};
};

}  // namespace penstock::plugins
