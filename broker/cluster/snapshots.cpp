#include "broker/cluster/snapshots.h"

#include "broker/base/check.h"
#include "broker/base/log.h"
#include "broker/core/data_query.h"

#include <chrono>
#include <utility>

namespace penstock::cluster {

namespace {

namespace transport = replication::transport;

constexpr std::chrono::milliseconds chunk_deadline{10'000};
constexpr std::int64_t chunk_pause_us = 4'000;      // at most 256 MiB a second
constexpr std::int64_t retry_pause_us = 500'000;    // after a chunk that did not come
constexpr std::int64_t rest_after_us = 60'000'000;  // nobody reads any more
constexpr std::uint32_t failures_max = 20;

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

}  // namespace

Snapshots::Snapshots(Disk& disk, const Clock& clock, std::string data_folder, OpenView open_view)
    : disk_(disk),
      clock_(clock),
      data_folder_(std::move(data_folder)),
      open_view_(std::move(open_view)) {}

Result<void> Snapshots::clear() {
    const std::string parent = data_folder_ + "/snapshots";
    if (auto made = disk_.make_folder(parent); !made) return made;
    const auto folders = disk_.list(parent);
    if (!folders) return folders.error();
    for (const std::string& folder : *folders) {
        const auto files = disk_.list(parent + "/" + folder);
        if (!files) continue;
        for (const std::string& file : *files) {
            if (auto removed = disk_.remove(parent + "/" + folder + "/" + file); !removed) {
                return removed;
            }
        }
        if (auto removed = disk_.remove(parent + "/" + folder); !removed) return removed;
    }
    return {};
}

Result<void> Snapshots::make(node::Node& node, replication::RaftLog& log) {
    const SetId set = log.set();
    node::HostedSet& hosted = *node.hosted(set);
    const core::SetProgress progress = hosted.progress();
    const auto term = node.store().term_of(set, progress.applied);
    if (!term) return {};  // not of this log any more: a later one will do
    Made made;
    made.folder =
        data_folder_ + "/snapshots/set-" + text(set) + "-" + std::to_string(progress.applied);
    auto index = hosted.row_store().checkpoint(made.folder);
    if (!index) return index.error();
    check(*index == progress.applied, "nothing is applied meanwhile");
    replication::SnapshotManifest facts;
    facts.set = set;
    facts.index = *index;
    facts.term = *term;
    facts.time_ms = progress.time_ms;
    facts.conf_state = log.conf_state();
    facts.state_hash = progress.state_hash;
    auto view = open_view_(made.folder);
    if (!view) return view.error();
    made.source = std::make_unique<replication::SnapshotSource>(
        disk_,
        node.store(),
        made.folder,
        std::move(facts),
        std::make_unique<CheckpointEntries>(set, std::move(*view)));
    making_.insert_or_assign(set, std::move(made));
    return {};
}

Result<void> Snapshots::go_on_making(replication::RaftLog& log, std::int64_t now_us) {
    const auto found = making_.find(log.set());
    if (found == making_.end()) return {};
    auto ready = found->second.source->prepare();
    if (!ready) return ready.error();
    if (!*ready) return {};
    Made made = std::move(found->second);
    making_.erase(found);
    const replication::SnapshotManifest& manifest = made.source->manifest();
    const bool held = log.set_snapshot({manifest.index,
                                        manifest.time_ms,
                                        manifest.conf_state,
                                        replication::encode_manifest(manifest)});
    if (!held) return made.source->remove();
    ++counters_.made;
    log_line(LogLevel::info,
             "cluster",
             "event=snapshot set=" + text(log.set()) + " index=" + std::to_string(manifest.index) +
                 " files=" + std::to_string(manifest.files.size()) +
                 " ranges=" + std::to_string(manifest.ranges.size()));
    made.read_us = now_us;
    if (const auto old = made_.find(log.set()); old != made_.end()) {
        if (auto removed = old->second.source->remove(); !removed) return removed;
    }
    made_.insert_or_assign(log.set(), std::move(made));
    return {};
}

Result<void> Snapshots::tend(node::Node& node, replication::RaftLog& log, std::int64_t now_us) {
    if (making_.contains(log.set())) {
        if (auto made = go_on_making(log, now_us); !made) return made;
    } else if (log.snapshot_wanted()) {
        if (auto began = make(node, log); !began) return began;
    }
    if (const auto made = made_.find(log.set()); made != made_.end()) {
        if (now_us > made->second.read_us + rest_after_us) made->second.source->rest();
    }
    begin_fetch(log);
    return go_on_fetching(log, now_us);
}

ChunkAnswer Snapshots::read(const ChunkQuestion& question, NodeId from, replication::RaftLog* log) {
    ChunkAnswer answer;
    const auto made = made_.find(SetId{question.set});
    if (log == nullptr || made == made_.end() ||
        made->second.source->manifest().index != question.index) {
        answer.problem = "there is no such snapshot here any more";
        return answer;
    }
    made->second.read_us = clock_.steady_us();
    if (question.done) {
        log->snapshot_sent(from);
        return answer;
    }
    log->snapshot_moves(from);
    auto bytes =
        made->second.source->read(question.part, question.offset, replication::chunk_bytes_max);
    if (!bytes) {
        answer.problem = bytes.error().detail;
    } else {
        answer.bytes = std::move(*bytes);
    }
    return answer;
}

void Snapshots::begin_fetch(replication::RaftLog& log) {
    for (replication::SnapshotOffer& offer : log.take_offers()) {
        auto manifest = replication::decode_manifest(offer.snapshot.manifest);
        const auto known = fetches_.find(log.set());
        const bool same =
            known != fetches_.end() && known->second.offer.snapshot.index == offer.snapshot.index;
        if (!manifest || manifest->set != log.set() || same) continue;
        if (known != fetches_.end() && known->second.installing) continue;
        log_line(LogLevel::info,
                 "cluster",
                 "event=fetch set=" + text(log.set()) +
                     " index=" + std::to_string(offer.snapshot.index) +
                     " from=" + std::to_string(offer.from.value));
        Fetch fetch;
        fetch.offer = std::move(offer);
        fetch.sink =
            std::make_unique<replication::SnapshotSink>(disk_, data_folder_, std::move(*manifest));
        fetches_.insert_or_assign(log.set(), std::move(fetch));
    }
}

Result<void> Snapshots::go_on_fetching(replication::RaftLog& log, std::int64_t now_us) {
    const auto found = fetches_.find(log.set());
    if (found == fetches_.end() || found->second.installing || found->second.asked) return {};
    Fetch& fetch = found->second;
    if (fetch.sink->complete()) {
        auto begun =
            replication::SnapshotInstall::begin(disk_, data_folder_, fetch.sink->manifest());
        if (!begun) return begun.error();
        fetch.installing = std::move(*begun);
        log.install(fetch.offer);
        return {};
    }
    if (!fetch.sink->wanted()) {
        auto stepped = fetch.sink->step();
        return stepped ? Result<void>() : stepped.error();
    }
    if (now_us >= fetch.next_us) ask(log.set(), fetch);
    return {};
}

void Snapshots::ask(SetId set, Fetch& fetch) {
    const auto wanted = *fetch.sink->wanted();
    const std::uint64_t index = fetch.offer.snapshot.index;
    const ChunkQuestion question{set.value, index, wanted.part, wanted.offset, false};
    fetch.asked = true;
    fetch.next_us = clock_.steady_us() + chunk_pause_us;
    auto take = [this, set, index, mailbox = mailbox_](transport::Answer answer) {
        mailbox->post([this, set, index, answer = std::move(answer)](node::Node&) {
            taken(set, index, answer);
        });
    };
    peers_->ask(fetch.offer.from,
                transport::Lane::bulk,
                encode_question(question),
                chunk_deadline,
                std::move(take));
}

void Snapshots::taken(SetId set, std::uint64_t index, const transport::Answer& answer) {
    const auto found = fetches_.find(set);
    if (found == fetches_.end() || found->second.offer.snapshot.index != index) return;
    Fetch& fetch = found->second;
    fetch.asked = false;
    auto chunk = answer ? decode_chunk(*answer)
                        : Result<ChunkAnswer>(boost::system::in_place_error, answer.error().error);
    std::string problem;
    if (!chunk) {
        problem = chunk.error().detail;
    } else if (!chunk->problem.empty()) {
        problem = chunk->problem;
        fetch.failures = failures_max;  // it will not come back
    } else if (auto took = fetch.sink->take(chunk->bytes); !took) {
        problem = took.error().detail;
    }
    if (problem.empty()) {
        counters_.fetched_bytes += chunk->bytes.size();
        fetch.failures = 0;
        return;
    }
    fetch.next_us = clock_.steady_us() + retry_pause_us;
    if (++fetch.failures < failures_max) return;
    log_line(LogLevel::warn, "cluster", "event=fetch_failed set=" + text(set) + " " + problem);
    give_up(set);
}

void Snapshots::give_up(SetId set) {
    ++counters_.failed;
    fetches_.erase(set);
}

Result<void> Snapshots::install(node::Node& node, SetId set, replication::RaftLog& log) {
    auto installation = log.take_installation();
    if (!installation) return {};
    const auto found = fetches_.find(set);
    if (found == fetches_.end() || !found->second.installing) return {};
    Fetch fetch = std::move(found->second);
    fetches_.erase(found);
    if (!installation->taken) return fetch.installing->revoke();
    const auto work = [&](storage::LogStore& store) -> Result<void> {
        while (true) {
            auto more = fetch.installing->step(store);
            if (!more) return more.error();
            if (auto synced = store.sync(); !synced) return synced;
            if (!*more) return {};
        }
    };
    if (auto swapped = node.swap(set, work); !swapped) return swapped;
    ++counters_.installed;
    log_line(LogLevel::info,
             "cluster",
             "event=installed set=" + text(set) +
                 " index=" + std::to_string(fetch.offer.snapshot.index));
    const ChunkQuestion question{set.value, fetch.offer.snapshot.index, 0, 0, true};
    peers_->ask(fetch.offer.from,
                transport::Lane::bulk,
                encode_question(question),
                chunk_deadline,
                [](const transport::Answer&) {});
    return {};
}

Result<void> Snapshots::forget(SetId set) {
    fetches_.erase(set);
    for (auto* all : {&making_, &made_}) {
        const auto found = all->find(set);
        if (found == all->end()) continue;
        const auto removed = found->second.source->remove();
        all->erase(found);
        if (!removed) return removed;
    }
    return {};
}

bool Snapshots::busy() const {
    if (!making_.empty()) return true;
    for (const auto& [set, fetch] : fetches_) {
        if (!fetch.asked && !fetch.sink->wanted()) return true;
    }
    return false;
}

}  // namespace penstock::cluster
