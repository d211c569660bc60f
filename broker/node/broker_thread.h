// BrokerThread: the one thread that drives a Node, with everything a server's node needs around
// it: the lock on the data folder, the pools that read cold bodies, the file with the root key. A
// final error stops the process with a clear line. Owned by the composition root.
//
//   auto made = node::make_broker(options);              // locks the folder, opens, replays
//   if (!made) { print made.error().detail; exit 1 }
//   node::BrokerThread& running = **made;
//   if (running.first_start_key()) { print its id }
//   dispatcher.attach(running.dispatch()); plugins.use(running.broker());
//   running.start();
//   ... serve until SIGTERM, stop the listener and the dispatcher ...
//   running.stop();                                       // answers what waits, flushes rows
#pragma once

#include "broker/base/error.h"
#include "broker/node/node.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

namespace penstock::node {

class FolderLock;

class BrokerThread {
  public:
    // Runs the thread's work, all of it: for what needs a thread to live in it.
    using Inside = std::function<void(const std::function<void()>& work)>;

    // Opened by make_broker() alone.
    BrokerThread(NodeOptions options, Neighbours* neighbours, Inside inside);
    ~BrokerThread();
    BrokerThread(const BrokerThread&) = delete;
    BrokerThread& operator=(const BrokerThread&) = delete;

    void start();

    // Ends the thread, answers what waits and flushes the rows. May be called twice.
    Result<void> stop();

    [[nodiscard]] api::Broker& broker() { return *node_; }

    [[nodiscard]] api::Dispatch& dispatch() { return *node_; }

    [[nodiscard]] api::MetricSource& metrics() { return *node_; }

    [[nodiscard]] std::shared_ptr<Mailbox> mailbox() const { return node_->mailbox(); }

    [[nodiscard]] const std::optional<RootKey>& first_start_key() const {
        return node_->first_start_key();
    }

  private:
    friend Result<std::unique_ptr<BrokerThread>> make_broker(NodeOptions options,
                                                             Neighbours* neighbours,
                                                             Inside inside);

    void run();
    void oversee();

    std::string data_folder_;
    Inside inside_;
    PosixDisk disk_;
    SystemClock clock_;
    SystemRandom random_;
    Offload offload_;
    std::unique_ptr<FolderLock> lock_;
    std::unique_ptr<Node> node_;
    std::thread thread_;
    boost::asio::thread_pool overseer_{1};
    boost::asio::steady_timer overseer_timer_{overseer_};
    std::atomic<bool> stop_{false};
};

// Locks and opens the data folder. Error{unavailable}: another server uses it; others say what is
// wrong with which file. Calls are taken from then on and answered once start() was called.
// In a cluster `neighbours` outlive it.
Result<std::unique_ptr<BrokerThread>> make_broker(NodeOptions options,
                                                  Neighbours* neighbours = nullptr,
                                                  BrokerThread::Inside inside = {});

}  // namespace penstock::node
