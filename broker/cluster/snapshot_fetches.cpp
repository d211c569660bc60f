#include "broker/cluster/snapshot_fetches.h"

#include "broker/base/log.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>
#include <vector>

namespace penstock::cluster {

namespace {

namespace transport = replication::transport;

constexpr std::chrono::milliseconds chunk_deadline{10'000};
constexpr std::int64_t retry_pause_us = 500'000;         // after a chunk that did not come
constexpr std::int64_t disk_pause_us = 10'000'000;       // after an error of this node's disk
constexpr std::int64_t clear_pause_us = 60'000'000;      // between looks for what was left behind
constexpr std::int64_t tell_pause_us = 5'000'000;        // the sender waits for a word
constexpr std::uint64_t install_bytes_max = 128U << 10;  // of one turn
constexpr std::uint32_t failures_max = 20;
constexpr std::int64_t never_us = std::numeric_limits<std::int64_t>::max();

std::string text(SetId set) {
    return std::to_string(set.value);
}

// Two that made a snapshot at one index have different files, and who offers now is who answers:
// the one before may have been deposed because nobody hears it.
bool same_bytes(const replication::SnapshotOffer& known, const replication::SnapshotOffer& offer) {
    return known.from == offer.from && known.snapshot.index == offer.snapshot.index &&
           known.snapshot.manifest == offer.snapshot.manifest;
}

void tell_trouble(const std::string& event, SetId set, const std::string& why) {
    log_line(LogLevel::warn, "cluster", "event=" + event + " set=" + text(set) + " " + why);
}

}  // namespace

SnapshotFetches::SnapshotFetches(Disk& disk,
                                 const Clock& clock,
                                 std::string data_folder,
                                 std::uint64_t bytes_per_s)
    : disk_(disk),
      clock_(clock),
      data_folder_(std::move(data_folder)),
      fetch_pace_(bytes_per_s),
      install_pace_(bytes_per_s) {}

void SnapshotFetches::tend(node::Node& node, replication::RaftLog& log, std::int64_t now_us) {
    if (clearing_.contains(log.set())) return;
    const auto fetch = fetches_.find(log.set());
    if (fetch != fetches_.end() && fetch->second.busy) return;
    take_offer(log);
    const auto found = fetches_.find(log.set());
    if (found == fetches_.end()) return clear_old(node, log, now_us);
    if (now_us >= found->second.next_us) go_on(node, log, found->second, now_us);
}

void SnapshotFetches::take_offer(replication::RaftLog& log) {
    for (replication::SnapshotOffer& offer : log.take_offers()) {
        auto manifest = replication::decode_manifest(offer.snapshot.manifest);
        if (!manifest || manifest->set != log.set()) continue;
        const auto known = fetches_.find(log.set());
        if (known != fetches_.end()) {
            if (known->second.stage != Stage::receiving) continue;
            if (same_bytes(known->second.offer, offer)) {
                known->second.offer = std::move(offer);  // perhaps of a later term
                continue;
            }
        }
        log_line(LogLevel::info,
                 "cluster",
                 "event=fetch set=" + text(log.set()) +
                     " index=" + std::to_string(offer.snapshot.index) +
                     " from=" + std::to_string(offer.from.value));
        Fetch fetch;
        fetch.number = next_number_++;
        fetch.offer = std::move(offer);
        fetch.sink =
            std::make_shared<replication::SnapshotSink>(disk_, data_folder_, std::move(*manifest));
        fetches_.insert_or_assign(log.set(), std::move(fetch));
    }
}

// What was fetched and never taken into use, once the rows have come further without it.
void SnapshotFetches::clear_old(node::Node& node, replication::RaftLog& log, std::int64_t now_us) {
    const SetId set = log.set();
    std::int64_t& cleared_us = cleared_us_[set];
    if (cleared_us != 0 && now_us < cleared_us + clear_pause_us) return;
    cleared_us = now_us;
    const model::LogIndex applied = node.hosted(set)->applied();
    clearing_.insert(set);
    node.offload().bulk([this, set, applied, mailbox = node.mailbox()] {
        auto more = replication::clear_stale(disk_, data_folder_, set, applied);
        while (more && *more) more = replication::clear_stale(disk_, data_folder_, set, applied);
        mailbox->post([this, set, more](node::Node&) {
            clearing_.erase(set);
            if (!more) tell_trouble("fetch_left", set, more.error().detail);
        });
    });
}

void SnapshotFetches::go_on(node::Node& node,
                            replication::RaftLog& log,
                            Fetch& fetch,
                            std::int64_t now_us) {
    if (fetch.stage == Stage::offered) return;
    // What the log needs to go on is not taken by what can wait.
    if (node.space() != storage::SpaceLevel::normal) {
        fetch.next_us = now_us + disk_pause_us;
        return tell_trouble("fetch_waits", log.set(), "there is too little space on the disk");
    }
    if (fetch.stage == Stage::fetched) {
        fetch.stage = Stage::offered;
        return log.install(fetch.offer);
    }
    if (fetch.sink->complete()) {
        auto begun =
            replication::SnapshotInstall::begin(disk_, data_folder_, fetch.sink->manifest());
        if (!begun) {
            fetch.next_us = now_us + disk_pause_us;
            return tell_trouble("fetch_waits", log.set(), begun.error().detail);
        }
        fetch.install = std::move(*begun);
        fetch.stage = Stage::fetched;
    } else if (!fetch.sink->wanted()) {
        run(node, log.set(), fetch, [](replication::SnapshotSink& sink) -> Outcome {
            auto stepped = sink.step();
            if (!stepped) return {stepped.error(), true, false, 0};
            return {};
        });
    } else if (fetch_pace_.ready(now_us)) {
        ask(node, log.set(), fetch);
    }
}

void SnapshotFetches::run(node::Node& node,
                          SetId set,
                          Fetch& fetch,
                          std::function<Outcome(replication::SnapshotSink&)> work) {
    fetch.busy = true;
    node.offload().bulk([this,
                         set,
                         sink = fetch.sink,
                         number = fetch.number,
                         work = std::move(work),
                         mailbox = node.mailbox()] {
        mailbox->post([this, set, number, outcome = work(*sink)](node::Node&) {
            ended(set, number, outcome);
        });
    });
}

void SnapshotFetches::ask(node::Node& node, SetId set, Fetch& fetch) {
    const auto wanted = *fetch.sink->wanted();
    const ChunkQuestion question{
        set.value, fetch.offer.snapshot.index, wanted.part, wanted.offset, false};
    fetch_pace_.spend(replication::chunk_bytes_max, clock_.steady_us());
    fetch.busy = true;
    auto take =
        [this, set, number = fetch.number, mailbox = node.mailbox()](transport::Answer answer) {
            mailbox->post([this, set, number, answer = std::move(answer)](node::Node& back) {
                const auto found = fetches_.find(set);
                if (found == fetches_.end() || found->second.number != number) return;
                run(back, set, found->second, [answer](replication::SnapshotSink& sink) -> Outcome {
                    if (!answer) return {answer.error().error, false, false, 0};
                    auto chunk = decode_chunk(*answer);
                    if (!chunk) return {chunk.error(), false, false, 0};
                    if (!chunk->problem.empty()) {
                        return {error(Errc::not_found, chunk->problem), false, true, 0};
                    }
                    auto taken = sink.take(chunk->bytes);
                    if (taken) return {{}, false, false, chunk->bytes.size()};
                    return {taken.error(), taken.error().code != Errc::damaged, false, 0};
                });
            });
        };
    peers_->ask(fetch.offer.from,
                transport::Lane::bulk,
                encode_question(question),
                chunk_deadline,
                std::move(take));
}

void SnapshotFetches::ended(SetId set, std::uint64_t number, const Outcome& outcome) {
    const auto found = fetches_.find(set);
    if (found == fetches_.end() || found->second.number != number) return;
    Fetch& fetch = found->second;
    fetch.busy = false;
    if (!outcome.error) {
        fetched_bytes_ += outcome.bytes;
        fetch.failures = 0;
        return;
    }
    if (outcome.of_disk) {
        tell_trouble("fetch_waits", set, outcome.error->detail);
        fetch.next_us = clock_.steady_us() + disk_pause_us;
        // It goes on with what has reached the disk.
        fetch.sink = std::make_shared<replication::SnapshotSink>(
            disk_, data_folder_, fetch.sink->manifest());
        return;
    }
    fetch.next_us = clock_.steady_us() + retry_pause_us;
    if (!outcome.gone && ++fetch.failures < failures_max) return;
    tell_trouble("fetch_failed", set, outcome.error->detail);
    ++failed_;
    fetches_.erase(found);
}

Result<bool> SnapshotFetches::begin_install(node::Node& node, replication::RaftLog& log) {
    const SetId set = log.set();
    auto installation = log.take_installation();
    if (!installation) return false;
    const auto found = fetches_.find(set);
    if (found == fetches_.end() || !found->second.install) return false;
    Fetch fetch = std::move(found->second);
    fetches_.erase(found);
    if (!installation->taken) {
        if (auto revoked = fetch.install->revoke(); !revoked) return revoked.error();
        return false;
    }
    node.suspend(set);
    Installing installing;
    installing.install = std::move(fetch.install);
    installing.from = fetch.offer.from;
    installing_.insert_or_assign(set, std::move(installing));
    return true;
}

Result<void> SnapshotFetches::install(node::Node& node, std::int64_t now_us) {
    std::vector<SetId> sets;
    for (const auto& [set, installing] : installing_) sets.push_back(set);
    for (const SetId set : sets) {
        Installing& installing = installing_.at(set);
        if (now_us >= installing.told_us + tell_pause_us) {
            installing.told_us = now_us;
            tell(set, installing);
        }
        if (!installing.busy) {
            if (auto stepped = step(node, set, installing, now_us); !stepped) return stepped;
        }
        if (!installing.done) continue;
        if (auto finished = finish(node, set); !finished) return finished;
    }
    return {};
}

Result<void> SnapshotFetches::step(node::Node& node,
                                   SetId set,
                                   Installing& installing,
                                   std::int64_t now_us) {
    if (installing.failed) return *installing.failed;
    replication::SnapshotInstall& install = *installing.install;
    // Without its names a node can answer nothing: they are small, and taken at once.
    while (set == model::names_set && !installing.done) {
        auto more = install.step(node.store());
        if (!more) return more.error();
        if (auto synced = node.store().sync(); !synced) return synced;
        installing.done = !*more;
    }
    if (installing.done) return {};
    if (!install.needs_store()) {
        step_on_disk(node, set, installing);
        return {};
    }
    if (!install_pace_.ready(now_us)) return {};
    install_pace_.spend(install_bytes_max, now_us);
    // The turn's sync makes it durable.
    auto more = install.step(node.store(), install_bytes_max);
    if (!more) return more.error();
    return {};
}

void SnapshotFetches::step_on_disk(node::Node& node, SetId set, Installing& installing) {
    installing.busy = true;
    node.offload().bulk([this, set, install = installing.install, mailbox = node.mailbox()] {
        mailbox->post([this, set, more = install->step_on_disk()](node::Node&) {
            Installing& back = installing_.at(set);  // a set that is closed does not leave
            back.busy = false;
            if (!more) {
                back.failed = more.error();
            } else {
                back.done = !*more;
            }
        });
    });
}

Result<void> SnapshotFetches::finish(node::Node& node, SetId set) {
    const auto found = installing_.find(set);
    if (auto resumed = node.resume(set); !resumed) return resumed;
    ++installed_;
    log_line(LogLevel::info,
             "cluster",
             "event=installed set=" + text(set) +
                 " index=" + std::to_string(found->second.install->manifest().index));
    tell(set, found->second);
    installing_.erase(found);
    return {};
}

// That it is done, or that it goes on: there is nothing behind the last part.
void SnapshotFetches::tell(SetId set, const Installing& installing) {
    const replication::SnapshotManifest& manifest = installing.install->manifest();
    const ChunkQuestion question{set.value, manifest.index, manifest.parts(), 0, installing.done};
    peers_->ask(installing.from,
                transport::Lane::bulk,
                encode_question(question),
                chunk_deadline,
                [](const transport::Answer&) {});
}

std::int64_t SnapshotFetches::next_wake_us() const {
    std::int64_t next_us = never_us;
    for (const auto& [set, installing] : installing_) {
        if (installing.busy) continue;
        next_us =
            installing.install->needs_store() ? std::min(next_us, install_pace_.next_us()) : 0;
        if (next_us == 0) return 0;
    }
    for (const auto& [set, fetch] : fetches_) {
        if (fetch.busy || fetch.stage == Stage::offered) continue;
        const bool asks = fetch.stage == Stage::receiving && fetch.sink->wanted();
        next_us = std::min(next_us,
                           asks ? std::max(fetch.next_us, fetch_pace_.next_us()) : fetch.next_us);
    }
    return next_us;
}

}  // namespace penstock::cluster
