#include "broker/cluster/own_snapshots.h"

#include "broker/base/check.h"
#include "broker/base/log.h"
#include "broker/core/data_query.h"

#include <utility>

namespace penstock::cluster {

namespace {

constexpr std::int64_t rest_after_us = 60'000'000;        // nobody reads any more
constexpr std::int64_t failed_pause_us = 30'000'000;      // until one that failed is made again
constexpr std::uint64_t checkpoint_bytes_max = 1U << 20;  // of rows flushed while the turn waits
constexpr std::size_t readings_max = 16;                  // that wait, of one snapshot

std::string text(SetId set) {
    return std::to_string(set.value);
}

// The live entries of a data set's checkpoint; set 0 has no bodies.
class CheckpointEntries final : public replication::LiveEntries {
  public:
    CheckpointEntries(SetId set, std::unique_ptr<storage::RowView> rows)
        : set_(set), rows_(std::move(rows)) {}

    Result<std::vector<replication::LiveEntry>> from(model::LogIndex first,
                                                     std::size_t count_max) const override {
        std::vector<replication::LiveEntry> entries;
        if (set_ == model::names_set) return entries;
        const auto visit = [&](model::LogIndex index, std::uint32_t) {
            entries.push_back({index, {}});
        };
        core::count_live(*rows_, first, static_cast<std::uint32_t>(count_max), visit);
        for (replication::LiveEntry& entry : entries) {
            entry.ordinals = core::live_ordinals(*rows_, entry.index);
        }
        if (auto health = rows_->health(); !health) return health.error();
        return entries;
    }

  private:
    SetId set_;
    std::unique_ptr<storage::RowView> rows_;
};

// Of a folder without folders in it. Any thread.
Result<void> remove_folder(Disk& disk, const std::string& folder) {
    const auto files = disk.list(folder);
    if (!files) return files.error().code == Errc::not_found ? Result<void>() : files.error();
    for (const std::string& file : *files) {
        if (auto removed = disk.remove(folder + "/" + file); !removed) return removed;
    }
    const auto removed = disk.remove(folder);
    return removed || removed.error().code == Errc::not_found ? Result<void>() : removed;
}

void tell_left(const Error& why) {
    log_line(LogLevel::warn, "cluster", "event=snapshot_left " + why.detail);
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
        if (auto removed = remove_folder(disk_, parent + "/" + folder); !removed) return removed;
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
    } else if (log.snapshot_wanted() && now_us >= rest_until_us_[set]) {
        if (auto began = begin(node, log); !began) return began;
    }
    const auto made = made_.find(set);
    if (made != made_.end() && !made->second.reading &&
        now_us > made->second.read_us + rest_after_us) {
        made->second.source->rest();
    }
    return {};
}

// A checkpoint flushes the rows and waits: what can be flushed beforehand is.
Result<void> OwnSnapshots::begin(node::Node& node, replication::RaftLog& log) {
    const node::HostedSet& hosted = *node.hosted(log.set());
    Making making;
    storage::RowStore& rows = node.hosted(log.set())->row_store();
    if (rows.unflushed_bytes() > checkpoint_bytes_max) {
        making.flushed_to = hosted.applied();
        if (auto started = rows.start_flush(); !started) return started;
    }
    making_.emplace(log.set(), std::move(making));
    return {};
}

// False: not now, a later one will do.
Result<bool> OwnSnapshots::checkpoint(node::Node& node, replication::RaftLog& log, Making& making) {
    const SetId set = log.set();
    node::HostedSet& hosted = *node.hosted(set);
    if (hosted.row_store().flushed_applied() < making.flushed_to) return true;
    const core::SetProgress progress = hosted.progress();
    const auto term = node.store().term_of(set, progress.applied);
    if (!term) return false;  // not of this log any more
    making.folder =
        data_folder_ + "/snapshots/set-" + text(set) + "-" + std::to_string(progress.applied);
    if (auto cleared = remove_folder(disk_, making.folder); !cleared) return cleared.error();
    auto index = hosted.row_store().checkpoint(making.folder);
    if (!index) return index.error();
    check(*index == progress.applied, "nothing is applied meanwhile");
    replication::SnapshotManifest facts;
    facts.set = set;
    facts.index = *index;
    facts.term = *term;
    facts.time_ms = progress.time_ms;
    facts.conf_state = log.conf_state();
    facts.state_hash = progress.state_hash;
    auto view = open_view_(making.folder);
    if (!view) return view.error();
    making.source = std::make_shared<replication::SnapshotSource>(
        disk_,
        node.store(),
        making.folder,
        std::move(facts),
        std::make_unique<CheckpointEntries>(set, std::move(*view)));
    prepare(node, set);
    return true;
}

void OwnSnapshots::prepare(node::Node& node, SetId set) {
    node.offload().cold([this, set, source = making_.at(set).source, mailbox = node.mailbox()] {
        mailbox->post([this, set, source, complete = source->prepare()](node::Node& back) {
            prepared(back, set, source, complete);
        });
    });
}

void OwnSnapshots::prepared(node::Node& node,
                            SetId set,
                            const SourcePtr& source,
                            const Result<bool>& complete) {
    const auto making = making_.find(set);
    if (making == making_.end() || making->second.source != source) return remove(node, source);
    if (!complete) return fail(node, set, complete.error());
    if (!*complete) return prepare(node, set);
    making->second.complete = true;
}

void OwnSnapshots::forget(node::Node& node, SetId set) {
    if (const auto making = making_.find(set); making != making_.end()) {
        // A job that makes it removes it when it is done.
        if (making->second.complete) remove(node, std::move(making->second.source));
        making_.erase(making);
    }
    if (const auto made = made_.find(set); made != made_.end()) {
        give_up(node, made->second);
        made_.erase(made);
    }
}

void OwnSnapshots::give_up(node::Node& node, Made& made) {
    for (const Reading& reading : made.waiting) {
        reading.give({"there is no such snapshot here any more", {}});
    }
    // A job that reads it removes it when it is done.
    if (!made.reading) remove(node, std::move(made.source));
}

void OwnSnapshots::finish(node::Node& node, replication::RaftLog& log, std::int64_t now_us) {
    Made made;
    made.source = std::move(making_.at(log.set()).source);
    made.read_us = now_us;
    making_.erase(log.set());
    const replication::SnapshotManifest& manifest = made.source->manifest();
    const bool held = log.set_snapshot({manifest.index,
                                        manifest.time_ms,
                                        manifest.conf_state,
                                        replication::encode_manifest(manifest)});
    if (!held) return remove(node, std::move(made.source));
    ++made_count_;
    log_line(LogLevel::info,
             "cluster",
             "event=snapshot set=" + text(log.set()) + " index=" + std::to_string(manifest.index) +
                 " files=" + std::to_string(manifest.files.size()) +
                 " ranges=" + std::to_string(manifest.ranges.size()));
    if (const auto old = made_.find(log.set()); old != made_.end()) give_up(node, old->second);
    made_.insert_or_assign(log.set(), std::move(made));
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
    if (folder.empty()) return;
    node.offload().cold([&disk = disk_, folder] {
        if (auto removed = remove_folder(disk, folder); !removed) tell_left(removed.error());
    });
}

void OwnSnapshots::remove(node::Node& node, SourcePtr source) {
    source->rest();
    node.offload().cold([source = std::move(source)] {
        if (auto removed = source->remove(); !removed) tell_left(removed.error());
    });
}

void OwnSnapshots::read(node::Node& node,
                        const ChunkQuestion& question,
                        NodeId from,
                        replication::RaftLog* log,
                        GiveChunk give) {
    const auto found = made_.find(SetId{question.set});
    if (log == nullptr || found == made_.end() ||
        found->second.source->manifest().index != question.index) {
        return give({"there is no such snapshot here any more", {}});
    }
    Made& made = found->second;
    made.read_us = clock_.steady_us();
    if (question.done) {
        log->snapshot_sent(from);
        return give({});
    }
    log->snapshot_moves(from);
    if (made.waiting.size() == readings_max) return give({"too many ask for it at once", {}});
    made.waiting.push_back({question.part, question.offset, std::move(give)});
    if (!made.reading) read_next(node, SetId{question.set});
}

// The list of a range, then where its records are, then these: the first and the last wait for the
// disk.
void OwnSnapshots::read_next(node::Node& node, SetId set) {
    Made& made = made_.at(set);
    if (made.waiting.empty()) return;
    made.reading = true;
    node.offload().cold([this,
                         set,
                         source = made.source,
                         part = made.waiting.front().part,
                         mailbox = node.mailbox()] {
        mailbox->post([this, set, source, looked = source->look_up(part)](node::Node& back) {
            found(back, set, source, looked);
        });
    });
}

void OwnSnapshots::found(node::Node& node,
                         SetId set,
                         const SourcePtr& source,
                         const Result<void>& looked) {
    const auto made = made_.find(set);
    if (made == made_.end() || made->second.source != source) return remove(node, source);
    Reading reading = std::move(made->second.waiting.front());
    made->second.waiting.pop_front();
    Result<void> found = looked;
    if (found) found = source->find(reading.part, reading.offset, replication::chunk_bytes_max);
    if (!found) {
        reading.give({found.error().detail, {}});
        return read_done(node, set, source);
    }
    node.offload().cold([this, set, source, reading, mailbox = node.mailbox()] {
        auto bytes = source->fetch(reading.part, reading.offset, replication::chunk_bytes_max);
        ChunkAnswer answer;
        if (!bytes) {
            answer.problem = bytes.error().detail;
        } else {
            answer.bytes = std::move(*bytes);
        }
        reading.give(std::move(answer));
        mailbox->post([this, set, source](node::Node& back) { read_done(back, set, source); });
    });
}

void OwnSnapshots::read_done(node::Node& node, SetId set, const SourcePtr& source) {
    const auto made = made_.find(set);
    if (made == made_.end() || made->second.source != source) return remove(node, source);
    made->second.reading = false;
    read_next(node, set);
}

}  // namespace penstock::cluster
