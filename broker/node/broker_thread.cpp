#include "broker/node/broker_thread.h"

#include "broker/base/log.h"
#include "broker/base/step_watch.h"
#include "broker/base/thread_name.h"
#include "broker/node/data_folder.h"

#include <chrono>
#include <cstdlib>
#include <string>
#include <utility>

namespace penstock::node {

namespace {

constexpr std::int64_t sleep_us_max = 1'000'000;
constexpr std::chrono::milliseconds oversee_every{250};
constexpr int fatal_exit = 70;

// Nothing may be written any more, so nothing is cleaned up either: the next start replays.
[[noreturn]] void stop_process(const Error& why) {
    log_line(LogLevel::error,
             "node",
             "the server stops now: " + why.detail +
                 "; nothing acknowledged is lost, repair the cause and start again");
    std::_Exit(fatal_exit);
}

}  // namespace

BrokerThread::BrokerThread(NodeOptions options, Neighbours* neighbours, Inside inside)
    : data_folder_(options.data_folder),
      inside_(std::move(inside)),
      offload_(Offload::Kind::threads) {
    if (!options.save_root_key) {
        options.save_root_key = [folder = data_folder_](const RootKey& key) {
            return save_root_key(folder, key);
        };
    }
    const auto open_rows = [rows = options.rows](const std::string& folder) {
        return storage::open_rocks_rows(folder, rows);
    };
    Node::World world{disk_, clock_, random_, offload_, open_rows, neighbours};
    node_ = std::make_unique<Node>(std::move(world), std::move(options));
}

BrokerThread::~BrokerThread() {
    if (auto stopped = stop(); !stopped) {
        log_line(LogLevel::error, "node", "stop failed: " + stopped.error().detail);
    }
}

Result<std::unique_ptr<BrokerThread>> make_broker(NodeOptions options,
                                                  Neighbours* neighbours,
                                                  BrokerThread::Inside inside) {
    const std::string folder = options.data_folder;
    auto made = std::make_unique<BrokerThread>(std::move(options), neighbours, std::move(inside));
    if (auto folder_made = made->disk_.make_folder(folder); !folder_made) {
        return folder_made.error();
    }
    auto lock = FolderLock::take(folder);
    if (!lock) return lock.error();
    made->lock_ = std::move(*lock);
    if (auto whole = refuse_half_restored(folder); !whole) return whole.error();
    if (auto opened = made->node_->open(); !opened) return opened.error();
    return made;
}

void BrokerThread::start() {
    thread_ = std::thread([this] {
        if (inside_) {
            inside_([this] { run(); });
        } else {
            run();
        }
    });
    oversee();
}

// Answers calls while the broker thread hangs in a sync: the two meet only in Call::take.
void BrokerThread::oversee() {
    overseer_timer_.expires_after(oversee_every);
    overseer_timer_.async_wait([this](boost::system::error_code failed) {
        if (failed || stop_.load()) return;
        node_->relieve();
        oversee();
    });
}

void BrokerThread::run() {
    name_thread("penstock-broker");
    // The wait for the disk is no processor time: only the step's own work counts.
    StepWatch watch("broker/node");
    while (!stop_.load()) {
        auto more = node_->step();
        if (!more) stop_process(more.error());
        watch.step_ended();
        if (!*more) node_->wait(sleep_us_max);
    }
}

Result<void> BrokerThread::stop() {
    if (stop_.exchange(true)) return {};
    // A letter wakes it.
    node_->grant(model::SubscriptionNo{}, 0);
    if (thread_.joinable()) thread_.join();
    overseer_.stop();
    overseer_.join();
    if (!node_->opened()) return {};
    Result<void> closed = node_->close();
    offload_.stop();
    return closed;
}

}  // namespace penstock::node
