#include "broker/node/set_snapshot.h"

#include "broker/base/check.h"
#include "broker/base/log.h"
#include "broker/core/data_query.h"
#include "broker/node/checkpoint_source.h"
#include "broker/node/node.h"

#include <utility>

namespace penstock::node {

namespace {

constexpr std::uint64_t checkpoint_bytes_max = 1U << 20;  // of rows flushed while the turn waits
constexpr std::size_t readings_max = 16;                  // that wait, of one snapshot

// The live entries of a data set's checkpoint; set 0 has no bodies.
class CheckpointEntries final : public replication::LiveEntries {
  public:
    CheckpointEntries(model::SetId set, std::unique_ptr<storage::RowView> rows)
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
    model::SetId set_;
    std::unique_ptr<storage::RowView> rows_;
};

void tell_left(const Error& why) {
    log_line(LogLevel::warn, "node", "event=snapshot_left " + why.detail);
}

Error gone() {
    return error(Errc::unavailable, "there is no such snapshot here any more");
}

}  // namespace

Result<void> remove_flat_folder(Disk& disk, const std::string& folder) {
    const auto files = disk.list(folder);
    if (!files) return files.error().code == Errc::not_found ? Result<void>() : files.error();
    for (const std::string& file : *files) {
        if (auto removed = disk.remove(folder + "/" + file); !removed) return removed;
    }
    const auto removed = disk.remove(folder);
    return removed || removed.error().code == Errc::not_found ? Result<void>() : removed;
}

Result<model::LogIndex> flush_before_snapshot(HostedSet& set) {
    storage::RowStore& rows = set.row_store();
    const bool little = rows.unflushed_bytes() <= checkpoint_bytes_max;
    if (little && !rows.flushing()) return model::LogIndex{0};
    const model::LogIndex applied = set.applied();
    if (auto started = rows.start_flush(); !started) return started.error();
    return applied;
}

Result<SnapshotPtr> take_snapshot(Node& node,
                                  Disk& disk,
                                  HostedSet& set,
                                  const std::string& folder,
                                  std::string conf_state,
                                  const OpenView& open_view) {
    const core::SetProgress progress = set.progress();
    const auto term = node.store().term_of(set.set(), progress.applied);
    if (!term) return SnapshotPtr();  // not of this log any more
    if (auto cleared = remove_flat_folder(disk, folder); !cleared) return cleared.error();
    auto index = set.row_store().checkpoint(folder);
    if (!index) return index.error();
    check(*index == progress.applied, "nothing is applied meanwhile");
    replication::SnapshotManifest facts;
    facts.set = set.set();
    facts.index = *index;
    facts.term = *term;
    facts.time_ms = progress.time_ms;
    facts.conf_state = std::move(conf_state);
    facts.state_hash = progress.state_hash;
    return checkpoint_source(disk, node.store(), folder, std::move(facts), open_view);
}

Result<SnapshotPtr> checkpoint_source(Disk& disk,
                                      storage::LogStore& store,
                                      const std::string& folder,
                                      replication::SnapshotManifest facts,
                                      const OpenView& open_view) {
    auto view = open_view(folder);
    if (!view) return view.error();
    auto live = std::make_unique<CheckpointEntries>(facts.set, std::move(*view));
    return std::make_shared<replication::SnapshotSource>(
        disk, store, folder, std::move(facts), std::move(live));
}

void prepare_snapshot(Node& node,
                      SnapshotPtr source,
                      std::function<void(Node&, const Result<bool>& complete)> then) {
    auto job = [source = std::move(source), then = std::move(then), mailbox = node.mailbox()] {
        mailbox->post([then, complete = source->prepare()](Node& back) { then(back, complete); });
    };
    node.offload().bulk(std::move(job));
}

void remove_snapshot(Node& node, SnapshotPtr source) {
    source->rest();
    node.offload().bulk([source = std::move(source)] {
        if (auto removed = source->remove(); !removed) tell_left(removed.error());
    });
}

void remove_later(Node& node, Disk& disk, const std::string& folder) {
    node.offload().bulk([&disk, folder] {
        if (auto removed = remove_flat_folder(disk, folder); !removed) tell_left(removed.error());
    });
}

void SnapshotReader::rest() {
    if (!busy_) source_->rest();
}

void SnapshotReader::close(Node& node) {
    closed_ = true;
    for (const Reading& reading : std::exchange(waiting_, {})) reading.give(gone());
    // A job that reads it removes it when it is done.
    if (!busy_) remove_snapshot(node, source_);
}

void SnapshotReader::read(Node& node, std::uint32_t part, std::uint64_t offset, Give give) {
    if (closed_) return give(gone());
    if (waiting_.size() == readings_max) {
        return give(error(Errc::unavailable, "too many ask for it at once"));
    }
    waiting_.push_back({part, offset, std::move(give)});
    if (!busy_) next(node);
}

// The list of a range, then where its records are, then these: the first and the last wait for the
// disk.
void SnapshotReader::next(Node& node) {
    if (waiting_.empty()) return;
    busy_ = true;
    auto job = [self = shared_from_this(), part = waiting_.front().part, mailbox = node.mailbox()] {
        mailbox->post([self, looked = self->source_->look_up(part)](Node& back) {
            self->looked_up(back, looked);
        });
    };
    node.offload().bulk(std::move(job));
}

void SnapshotReader::looked_up(Node& node, const Result<void>& looked) {
    if (closed_) return read_done(node);
    Reading reading = std::move(waiting_.front());
    waiting_.pop_front();
    Result<void> found = looked;
    if (found) found = source_->find(reading.part, reading.offset, replication::chunk_bytes_max);
    if (!found) {
        reading.give(found.error());
        return read_done(node);
    }
    auto job = [self = shared_from_this(), reading, mailbox = node.mailbox()] {
        reading.give(
            self->source_->fetch(reading.part, reading.offset, replication::chunk_bytes_max));
        mailbox->post([self](Node& back) { self->read_done(back); });
    };
    node.offload().bulk(std::move(job));
}

void SnapshotReader::read_done(Node& node) {
    busy_ = false;
    if (closed_) return remove_snapshot(node, source_);
    next(node);
}

}  // namespace penstock::node
