// Offload: where work that may wait for the disk runs. In a server three small thread pools; in a
// stepped node (no threads) everything runs at once on the calling thread. Owned by whoever drives
// the node; any thread may hand in work. Jobs must not throw.
#pragma once

#include <boost/asio/thread_pool.hpp>

#include <functional>
#include <memory>

namespace penstock::node {

class Offload {
  public:
    using Job = std::function<void()>;
    enum class Kind : unsigned char { stepped, threads };

    explicit Offload(Kind kind);
    ~Offload();

    [[nodiscard]] bool stepped() const { return !cold_; }

    // May wait for the disk.
    void cold(Job job);

    // May wait for the disk, and no client waits for it: snapshots, backups, removing files. At a
    // lower priority, so that clients are served first where processors are short.
    void bulk(Job job);

    // Hand-outs: one thread, so that what is in memory keeps its order; never waits for the disk.
    void hand_out(Job job);

    // Ends the threads after what they are doing; later jobs are dropped.
    void stop();

  private:
    std::unique_ptr<boost::asio::thread_pool> cold_;
    std::unique_ptr<boost::asio::thread_pool> bulk_;
    std::unique_ptr<boost::asio::thread_pool> hand_out_;
};

}  // namespace penstock::node
