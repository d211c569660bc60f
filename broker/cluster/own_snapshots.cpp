#include "broker/cluster/own_snapshots.h"

#include "broker/base/log.h"

#include <utility>

namespace penstock::cluster {

namespace {

constexpr std::int64_t rest_after_us = 60'000'000;    // nobody reads any more
constexpr std::int64_t fetched_for_us = 30'000'000;   // since somebody read of it
constexpr std::int64_t failed_pause_us = 30'000'000;  // until one that failed is made again

std::string text(SetId set) {
    return std::to_string(set.value);
}

}  // namespace

OwnSnapshots::OwnSnapshots(Disk& disk,
                           const Clock& clock,
                           std::string data_folder,
                           OpenView open_view)
    : disk_(disk),
      clock_(clock),
      data_folder_(std::move(data_folder)),
      open_view_(std::move(open_view)) {}

Result<void> OwnSnapshots::clear() {
    const std::string parent = data_folder_ + "/snapshots";
    if (auto made = disk_.make_folder(parent); !made) return made;
    const auto folders = disk_.list(parent);
    if (!folders) return folders.error();
    for (const std::string& folder : *folders) {
        if (auto removed = node::remove_flat_folder(disk_, parent + "/" + folder); !removed)
            return removed;
    }
    return {};
}

Result<void> OwnSnapshots::tend(node::Node& node, replication::RaftLog& log, std::int64_t now_us) {
    const SetId set = log.set();
    if (const auto making = making_.find(set); making != making_.end()) {
        if (making->second.complete) {
            finish(node, log, now_us);
        } else if (making->second.folder.empty()) {
            if (auto began = checkpoint(node, log, making->second); !began) {
                fail(node, set, began.error());
            } else if (!*began) {
                making_.erase(set);
            }
        }
    } else if (log.snapshot_wanted() && now_us >= rest_until_us_[set] &&
               !waits(node, log, now_us)) {
        if (auto began = begin(node, log); !began) return began;
    }
    const auto made = made_.find(set);
    if (made != made_.end() && now_us > made->second.read_us + rest_after_us) {
        made->second.reader->rest();
    }
    return {};
}

// Another one in its place would have who fetches it begin anew, and again before that is done: the
// log is kept meanwhile, while there is space.
bool OwnSnapshots::waits(node::Node& node,
                         const replication::RaftLog& log,
                         std::int64_t now_us) const {
    const auto made = made_.find(log.set());
    const bool fetched = made != made_.end() && made->second.asked_us != 0 &&
                         now_us < made->second.asked_us + fetched_for_us;
    return fetched && !log.snapshot_needed() && node.space() == storage::SpaceLevel::normal;
}

Result<void> OwnSnapshots::begin(node::Node& node, replication::RaftLog& log) {
    auto flushed_to = node::flush_before_snapshot(*node.hosted(log.set()));
    if (!flushed_to) return flushed_to.error();
    making_.emplace(log.set(), Making{*flushed_to, {}, nullptr, false});
    return {};
}

// False: not now, a later one will do.
Result<bool> OwnSnapshots::checkpoint(node::Node& node, replication::RaftLog& log, Making& making) {
    const SetId set = log.set();
    node::HostedSet& hosted = *node.hosted(set);
    if (hosted.row_store().flushed_applied() < making.flushed_to) return true;
    making.folder =
        data_folder_ + "/snapshots/set-" + text(set) + "-" + std::to_string(hosted.applied());
    auto source =
        node::take_snapshot(node, disk_, hosted, making.folder, log.conf_state(), open_view_);
    if (!source) return source.error();
    if (!*source) return false;
    making.source = std::move(*source);
    prepare(node, set);
    return true;
}

void OwnSnapshots::prepare(node::Node& node, SetId set) {
    const SourcePtr source = making_.at(set).source;
    node::prepare_snapshot(
        node, source, [this, set, source](node::Node& back, const Result<bool>& complete) {
            prepared(back, set, source, complete);
        });
}

void OwnSnapshots::prepared(node::Node& node,
                            SetId set,
                            const SourcePtr& source,
                            const Result<bool>& complete) {
    const auto making = making_.find(set);
    if (making == making_.end() || making->second.source != source) {
        return node::remove_snapshot(node, source);
    }
    if (!complete) return fail(node, set, complete.error());
    if (!*complete) return prepare(node, set);
    making->second.complete = true;
}

void OwnSnapshots::forget(node::Node& node, SetId set) {
    if (const auto making = making_.find(set); making != making_.end()) {
        // A job that makes it removes it when it is done.
        if (making->second.complete) node::remove_snapshot(node, std::move(making->second.source));
        making_.erase(making);
    }
    if (const auto made = made_.find(set); made != made_.end()) {
        made->second.reader->close(node);
        made_.erase(made);
    }
}

void OwnSnapshots::finish(node::Node& node, replication::RaftLog& log, std::int64_t now_us) {
    SourcePtr source = std::move(making_.at(log.set()).source);
    making_.erase(log.set());
    const replication::SnapshotManifest& manifest = source->manifest();
    const bool held = log.set_snapshot({manifest.index,
                                        manifest.time_ms,
                                        manifest.conf_state,
                                        replication::encode_manifest(manifest)});
    if (!held) return node::remove_snapshot(node, std::move(source));
    ++made_count_;
    log_line(LogLevel::info,
             "cluster",
             "event=snapshot set=" + text(log.set()) + " index=" + std::to_string(manifest.index) +
                 " files=" + std::to_string(manifest.files.size()) +
                 " ranges=" + std::to_string(manifest.ranges.size()));
    if (const auto old = made_.find(log.set()); old != made_.end()) old->second.reader->close(node);
    made_.insert_or_assign(
        log.set(), Made{std::make_shared<node::SnapshotReader>(std::move(source)), now_us, 0});
}

void OwnSnapshots::fail(node::Node& node, SetId set, const Error& why) {
    ++failed_count_;
    rest_until_us_[set] = clock_.steady_us() + failed_pause_us;
    log_line(LogLevel::warn,
             "cluster",
             "event=snapshot_failed set=" + text(set) + " " + why.detail +
                 "; it is made again later, the one before is kept");
    const std::string folder = making_.at(set).folder;
    making_.erase(set);
    if (!folder.empty()) node::remove_later(node, disk_, folder);
}

void OwnSnapshots::read(node::Node& node,
                        const ChunkQuestion& question,
                        NodeId from,
                        replication::RaftLog* log,
                        const GiveChunk& give) {
    const auto found = made_.find(SetId{question.set});
    if (log == nullptr || found == made_.end() ||
        found->second.reader->manifest().index != question.index) {
        return give({"there is no such snapshot here any more", {}});
    }
    Made& made = found->second;
    made.read_us = made.asked_us = clock_.steady_us();
    if (question.done) {
        log->snapshot_sent(from);
        return give({});
    }
    log->snapshot_moves(from);
    made.reader->read(node, question.part, question.offset, [give](Result<std::string> bytes) {
        if (!bytes) return give({bytes.error().detail, {}});
        give({{}, std::move(*bytes)});
    });
}

}  // namespace penstock::cluster
