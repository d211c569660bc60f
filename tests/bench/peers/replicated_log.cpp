// replicated_log FOLDER SECONDS WARMUP BYTES OUTSTANDING: what agreeing on three disks costs by
// itself. Three processes with the product's log store, Raft and transport (no TLS) and nothing
// else: no rows, no clients, no answers. Whoever leads keeps OUTSTANDING messages of BYTES under
// way; those that are free when a turn begins go as one entry, as a broker's turn gathers them. It
// measures for SECONDS after WARMUP and prints one line of JSON; logs stay in FOLDER.
#include "broker/base/check.h"
#include "broker/base/clock.h"
#include "broker/base/disk.h"
#include "broker/base/random.h"
#include "broker/replication/etcd_raft/engine_library.h"
#include "broker/replication/raft_log.h"
#include "broker/replication/transport/tls_peers.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace penstock::replication {
namespace {

namespace asio = boost::asio;

using model::NodeId;
using model::SetId;
using storage::LogStore;

constexpr SetId the_set{1};
constexpr std::size_t nodes = 3;
constexpr std::int64_t tick_us = 30'000;
constexpr unsigned patience_s = 20;  // for the election and the end
constexpr std::uint64_t zero_ahead = 64ULL << 10;  // as the server's

struct Task {
    std::string folder;
    std::int64_t seconds = 0;
    std::int64_t warmup_us = 0;
    std::size_t bytes = 0;
    std::size_t outstanding = 0;
    std::array<std::uint16_t, nodes> ports{};
};

class Replica final : public RaftSender, public transport::PeerListener {
  public:
    Replica(const Task& task, NodeId self)
        : task_(task),
          self_(self),
          library_(*EngineLibrary::load(PENSTOCK_ETCD_RAFT_OBJECT)),
          free_(task.outstanding) {}

    // Until it has measured, where it leads; else until the process is ended.
    void run() {
        open();
        library_.run_inside([this] {
            while (!done_) turn();
        });
        peers_->stop();
    }

    void send(NodeId to, SetId, std::string frame) override {
        peers_->send(to, transport::Lane::raft, std::move(frame));
    }

    void on_frame(NodeId from, transport::Lane, std::string bytes) override {
        asio::post(mailbox_,
                   [this, from, frame = std::move(bytes)] { log_->receive(from, frame); });
    }

    void on_question(NodeId, transport::Lane, std::string, transport::Respond respond) override {
        respond({});
    }

    void on_connected(NodeId, const transport::Hello&) override {}

    void on_disconnected(NodeId node, transport::LinkEnd) override {
        asio::post(mailbox_, [this, node] { log_->unreachable(node); });
    }

    void on_unreachable(NodeId node) override {
        asio::post(mailbox_, [this, node] { log_->unreachable(node); });
    }

  private:
    struct UnderWay {
        std::int64_t since_us = 0;
        std::size_t messages = 0;
    };

    [[nodiscard]] std::string address(NodeId node) const {
        return "127.0.0.1:" + std::to_string(task_.ports.at(node.value - 1));
    }

    void open() {
        const std::string folder = task_.folder + "/" + std::to_string(self_.value);
        check(disk_.make_folder(folder).has_value(), "a folder is made");
        storage::LogStoreOptions options;
        options.zero_ahead = zero_ahead;
        auto store = LogStore::open(disk_, folder, options, [](SetId) { return 0; });
        check(store.has_value(), "the log store opens");
        store_ = std::move(*store);
        RaftStart start;
        start.origin = RaftOrigin::founders;
        start.founders = {NodeId{1}, NodeId{2}, NodeId{3}};
        auto log = RaftLog::open({library_, *store_, *this, random_}, the_set, self_, start);
        check(log.has_value(), "the replica opens");
        log_ = std::move(*log);
        transport::TlsPeersOptions peers;
        peers.listen = address(self_);
        peers.hello.cluster = "bench";
        peers.hello.node = self_;
        peers.insecure = true;
        auto started = transport::TlsPeers::start(std::move(peers), *this, clock_, random_);
        check(started.has_value(), "the port is free");
        peers_ = std::move(*started);
        std::vector<transport::PeerAddress> all;
        for (const NodeId node : start.founders) all.push_back({node, address(node)});
        peers_->set_peers(std::move(all));
    }

    void turn() {
        const std::int64_t now_us = clock_.steady_us();
        mailbox_.poll();
        for (; ticked_us_ + tick_us <= now_us; ticked_us_ += tick_us) log_->tick();
        propose(now_us);
        log_->cycle();
        check(store_->sync().has_value(), "the disk takes it");
        for (const Committed& committed : log_->take_committed()) end(committed.token);
        for (const Ended& ended : log_->take_ended()) end(ended.token);
        log_->take_reads();
        log_->applied_flushed(log_->committed());
        check(!log_->failed(), "the replica goes on");
        if (now_us >= end_us_ && end_us_ > 0) return tell(now_us);
        if (log_->busy() || (free_ > 0 && log_->leadership().leading)) return;
        mailbox_.run_one_for(std::chrono::microseconds(ticked_us_ + tick_us - now_us));
    }

    void propose(std::int64_t now_us) {
        if (free_ == 0 || !log_->leadership().leading) return;
        if (end_us_ == 0) {
            measured_us_ = now_us + task_.warmup_us;
            end_us_ = measured_us_ + task_.seconds * 1'000'000;
        }
        Proposal proposal;
        proposal.token = ++tokens_;
        proposal.time_ms = clock_.wall_ms();
        proposal.commands = "bench";
        proposal.bodies.assign(free_, body_);
        if (!log_->propose(std::move(proposal))) return;
        under_way_[tokens_] = {now_us, free_};
        free_ = 0;
    }

    void end(std::uint64_t token) {
        const auto found = under_way_.find(token);
        if (found == under_way_.end()) return;
        const std::int64_t now_us = clock_.steady_us();
        free_ += found->second.messages;
        if (now_us >= measured_us_ && now_us < end_us_) {
            latencies_us_.insert(
                latencies_us_.end(), found->second.messages, now_us - found->second.since_us);
        }
        under_way_.erase(found);
    }

    void tell(std::int64_t now_us) {
        done_ = true;
        std::sort(latencies_us_.begin(), latencies_us_.end());
        const auto at = [&](std::size_t percent) {
            return latencies_us_.empty()
                       ? 0
                       : latencies_us_[(latencies_us_.size() - 1) * percent / 100];
        };
        const double seconds = static_cast<double>(now_us - measured_us_) / 1e6;
        boost::json::object told;
        told["acknowledged_per_s"] = static_cast<double>(latencies_us_.size()) / seconds;
        told["ack_p50_us"] = at(50);
        told["ack_p99_us"] = at(99);
        told["seconds"] = seconds;
        std::printf("%s\n", boost::json::serialize(told).c_str());
        std::fflush(stdout);
    }

    const Task& task_;
    NodeId self_;
    EngineLibrary library_;
    PosixDisk disk_;
    SystemClock clock_;
    SystemRandom random_;
    asio::io_context mailbox_;
    asio::executor_work_guard<asio::io_context::executor_type> open_{mailbox_.get_executor()};
    std::unique_ptr<LogStore> store_;
    std::unique_ptr<RaftLog> log_;
    std::unique_ptr<transport::TlsPeers> peers_;
    std::size_t free_;
    std::string body_ = std::string(task_.bytes, 'x');
    std::map<std::uint64_t, UnderWay> under_way_;
    std::uint64_t tokens_ = 0;
    std::int64_t ticked_us_ = clock_.steady_us();
    std::int64_t measured_us_ = 0;
    std::int64_t end_us_ = 0;
    bool done_ = false;
    std::vector<std::int64_t> latencies_us_;
};

// Free a moment ago; all at once, so that they differ.
std::array<std::uint16_t, nodes> free_ports() {
    asio::io_context io;
    std::array<std::uint16_t, nodes> ports{};
    std::vector<asio::ip::tcp::acceptor> held;
    for (std::uint16_t& port : ports) {
        held.emplace_back(io, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0));
        port = held.back().local_endpoint().port();
    }
    return ports;
}

pid_t start(const Task& task, NodeId node) {
    const pid_t child = fork();
    check(child >= 0, "a process starts");
    if (child > 0) return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(static_cast<unsigned>(task.seconds + task.warmup_us / 1'000'000) + patience_s);
    std::make_unique<Replica>(task, node)->run();
    std::_Exit(0);
}

// The first that ends has measured.
int measure(const Task& task) {
    std::vector<pid_t> children;
    for (std::uint64_t node = 1; node <= nodes; ++node)
        children.push_back(start(task, NodeId{node}));
    int status = 0;
    const pid_t first = waitpid(-1, &status, 0);
    for (const pid_t child : children) {
        if (child == first) continue;
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace
}  // namespace penstock::replication

int main(int count, char** words) {
    if (count != 6) {
        std::fprintf(stderr, "replicated_log FOLDER SECONDS WARMUP BYTES OUTSTANDING\n");
        return 2;
    }
    penstock::replication::Task task;
    task.folder = words[1];
    task.seconds = std::max(1L, std::strtol(words[2], nullptr, 10));
    task.warmup_us = static_cast<std::int64_t>(std::strtod(words[3], nullptr) * 1e6);
    task.bytes = std::strtoul(words[4], nullptr, 10);
    task.outstanding = std::max(1UL, std::strtoul(words[5], nullptr, 10));
    task.ports = penstock::replication::free_ports();
    return penstock::replication::measure(task);
}
