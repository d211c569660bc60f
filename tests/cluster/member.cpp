#include "tests/cluster/member.h"

#include "broker/base/check.h"
#include "tests/replication/etcd_raft/engine_under_test.h"

#include <algorithm>
#include <utility>

namespace penstock::cluster::testing {

namespace {

constexpr int steps_max = 10'000;
constexpr std::uint32_t credit = 100;
constexpr const char* folder = "data";

node::NodeOptions node_options(const MemberRules& rules) {
    node::NodeOptions options;
    options.data_folder = folder;
    options.dev = true;
    options.version = "simulated";
    options.log.segment_bytes = 1U << 20;
    options.log.reserve_segments = 0;
    options.name_reuse_ms = 0;
    options.flush_age_ms = rules.flush_age_ms;
    return options;
}

ClusterOptions cluster_options(NodeId id, const MemberRules& rules) {
    ClusterOptions options;
    options.data_folder = folder;
    options.name = "simulated";
    options.node = id;
    for (const PeerAddress& peer : rules.peers) {
        if (peer.node == id) options.peer_address = peer.address;
    }
    options.http_address = "http-" + std::to_string(id.value);
    options.peers = rules.peers;
    options.data_sets = rules.data_sets;
    options.replace_after_us = rules.replace_after_us;
    options.raft.keep_bytes_for_followers = rules.keep_bytes;
    options.snapshot_bytes_per_s = rules.snapshot_bytes_per_s;
    options.ack = rules.ack;
    options.slow_sync_us = rules.slow_sync_us;
    return options;
}

// Rows of a checkpoint, read whole.
class ImageView final : public storage::RowView {
  public:
    explicit ImageView(storage::MemoryRowsImage image) : image_(std::move(image)) {
        rows_ = storage::make_memory_rows(&image_);
    }

    [[nodiscard]] std::optional<std::string> get(std::string_view key) const override {
        return rows_->get(key);
    }

    void scan(std::string_view first, std::string_view end, const Visit& visit) const override {
        rows_->scan(first, end, visit);
    }

    [[nodiscard]] Result<void> health() const override { return {}; }

  private:
    storage::MemoryRowsImage image_;
    std::unique_ptr<storage::RowStore> rows_;
};

}  // namespace

Member::Member(NodeId id,
               const ManualClock& clock,
               SimulatedNetwork& network,
               const MemberRules& rules)
    : id_(id),
      clock_(clock, rules.skew_ms * static_cast<std::int64_t>(id.value)),
      network_(network),
      rules_(rules),
      random_(id.value * 7'919) {}

Member::~Member() {
    if (!up()) return;
    ++lives_;
    network_.kill(id_);
    node_.reset();
}

// The rows of a folder are the image of that name, as long as the folder is the one it was: a
// checkpoint that was put there, or a folder that is gone, begins another image.
Result<std::unique_ptr<storage::RowStore>> Member::open_rows(const std::string& path) {
    const std::string in_image = path + "/in-image";
    if (auto made = disk_.make_folder(path); !made) return made.error();
    const auto files = disk_.list(path);
    if (!files) return files.error();
    if (std::find(files->begin(), files->end(), "in-image") == files->end()) {
        rows_.erase(path);
        if (!files->empty()) {
            auto image = storage::read_memory_rows(disk_, path);
            if (!image) return image.error();
            rows_[path] = std::move(*image);
        }
        if (auto made = disk_.open(in_image, Disk::Open::create); !made) return made.error();
        for (const std::string& parent : {path, path.substr(0, path.rfind('/'))}) {
            if (auto synced = disk_.sync_folder(parent); !synced) return synced.error();
        }
    }
    return storage::make_memory_rows(&rows_[path], &snapshot_disk_);
}

node::OpenRows Member::opener() {
    return [this](const std::string& path) {
        return open_rows(path);
    };
}

Result<void> Member::start() {
    life_ = ++lives_;
    hangs_until_us_ = 0;
    deliveries_.targets.clear();
    granted_.clear();
    const auto open_view =
        [this](const std::string& path) -> Result<std::unique_ptr<storage::RowView>> {
        auto image = storage::read_memory_rows(disk_, path);
        if (!image) return image.error();
        return std::unique_ptr<storage::RowView>(std::make_unique<ImageView>(std::move(*image)));
    };
    cluster_ = std::make_unique<ClusterNode>(
        ClusterNode::World{
            snapshot_disk_, clock_, random_, replication::testing::library(), open_view},
        cluster_options(id_, rules_));
    if (auto loaded = cluster_->load(); !loaded) return loaded.error();
    own_rates_ = std::make_unique<api::OwnRates>();
    node::NodeOptions options = node_options(rules_);
    options.own_rates = own_rates_.get();
    auto node = std::make_unique<node::Node>(
        node::Node::World{disk_, clock_, random_, offload_, opener(), cluster_.get()}, options);
    if (auto opened = node->open(); !opened) return opened.error();
    node_ = std::move(node);
    node_->attach(deliveries_);
    cluster_->use_mailbox(node_->mailbox());
    cluster_->connect(network_.join(cluster_->hello(), *cluster_));
    return {};
}

bool Member::fetches() const {
    for (std::uint16_t set = 0; set <= rules_.data_sets; ++set) {
        const auto names = disk_.list("data/incoming/set-" + std::to_string(set));
        if (names && !names->empty()) return true;
    }
    return false;
}

void Member::crash(std::uint64_t seed) {
    ++lives_;
    network_.kill(id_);
    node_.reset();
    cluster_.reset();
    disk_.heal();
    breaks_ = false;
    disk_.crash(seed);
}

void Member::wipe() {
    check(!up(), "the disk of a node that runs stays");
    disk_ = MemoryDisk();
    rows_.clear();
}

void Member::keep_image() {
    check(!up(), "an image is that of a node that is down");
    old_disk_ = disk_.crash_image(0);
    old_rows_ = rows_;
}

void Member::put_image_back() {
    check(!up() && old_disk_ != nullptr, "an image is put back once, under a node that is down");
    disk_ = *std::exchange(old_disk_, nullptr);
    rows_ = old_rows_;
}

Result<Recovered> Member::recover() {
    check(!up(), "a running node is not recovered");
    auto recovery = Recovery::open({disk_, clock_, opener()}, folder, node_options(rules_).log);
    if (!recovery) return recovery.error();
    return (*recovery)->run();
}

Result<void> Member::run() {
    if (hangs_until_us_ > clock_.steady_us()) return {};
    for (int turn = 0; turn < steps_max; ++turn) {
        auto more = node_->step();
        ++turns_;
        if (!more) return more.error();
        if (rules_.dispatches) dispatch();
        if (slow_us_ > 0) hangs_until_us_ = clock_.steady_us() + slow_us_;
        if (slow_us_ > 0 || node_->next_wake_us() > clock_.steady_us()) return {};
    }
    return error(Errc::timeout, "node " + std::to_string(id_.value) + " never comes to rest");
}

std::int64_t Member::next_wake_us() const {
    return std::max(node_->next_wake_us(), hangs_until_us_);
}

NodeId Member::leader_of(SetId set) {
    const node::HostedSet* hosted = node_->hosted(set);
    return hosted == nullptr ? NodeId{} : hosted->leader();
}

bool Member::leads(SetId set) {
    const node::HostedSet* hosted = node_->hosted(set);
    return hosted != nullptr && hosted->leading();
}

void Member::dispatch() {
    std::erase_if(granted_,
                  [&](const auto& one) { return !deliveries_.targets.contains(one.first); });
    for (const auto& [subscription, target] : deliveries_.targets) {
        if (granted_.emplace(subscription, true).second) node_->grant(subscription, credit);
    }
}

}  // namespace penstock::cluster::testing
