#include "broker/node/backups.h"

#include "broker/base/log.h"
#include "broker/node/data_desk.h"
#include "broker/node/node.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace penstock::node {

namespace {

using model::Reason;
using model::Refusal;
using What = api::ChangeBackup::What;

// Whose copy is read just now keeps it.
constexpr std::int64_t taken_us = 5'000'000;

Refusal no_such_backup() {
    return {Reason::unavailable,
            "backup",
            "there is no such backup here any more: another node leads the set, or nobody read it "
            "for a minute"};
}

Refusal failed(const Error& why) {
    const bool full = why.code == Errc::disk_full;
    return {full ? Reason::disk_full : Reason::internal, "backup", why.detail};
}

void hold_outbox(Node& node, const HostedSet& set, std::int64_t until_us) {
    if (DataDesk* desk = node.desk(set.set())) desk->outbox().hold(until_us);
}

// The lead may have gone and come back, and with it what travels between sets.
bool still_held(Node& node, const HostedSet& set) {
    DataDesk* desk = node.desk(set.set());
    return desk == nullptr || desk->outbox().is_held();
}

}  // namespace

Backups::Backups(Disk& disk, const Clock& clock, const std::string& data_folder, OpenView open_view)
    : disk_(disk),
      clock_(clock),
      parent_(data_folder + "/backups"),
      open_view_(std::move(open_view)) {}

// Of its own for each: what is left of an earlier one may still be being removed.
std::string Backups::folder_of(model::SetId set, std::uint64_t backup) const {
    return parent_ + "/set-" + std::to_string(set.value) + "-" + std::to_string(backup);
}

Result<void> Backups::clear() {
    const auto folders = disk_.list(parent_);
    if (!folders) {
        return folders.error().code == Errc::not_found ? Result<void>() : folders.error();
    }
    for (const std::string& folder : *folders) {
        if (auto removed = remove_flat_folder(disk_, parent_ + "/" + folder); !removed) {
            return removed;
        }
    }
    return {};
}

Backups::Copy* Backups::find(std::uint32_t set, std::uint64_t backup) {
    if (set >= 1U << model::set_bits) return nullptr;
    const auto found = copies_.find(model::SetId{static_cast<std::uint16_t>(set)});
    if (found == copies_.end() || found->second.backup != backup) return nullptr;
    found->second.heard_us = clock_.steady_us();
    return &found->second;
}

Outcome<api::BackupView> Backups::view_of(const Copy& copy) {
    using State = api::BackupView::State;
    if (copy.failed) return failed(*copy.failed);
    api::BackupView view;
    view.index = copy.index;
    if (copy.reader) {
        view.state = State::ready;
        view.manifest_bytes = copy.manifest->size();
    } else if (copy.source) {
        view.state = State::preparing;
    } else {
        view.state = copy.index == 0 ? State::held : State::flushing;
    }
    return view;
}

Outcome<api::BackupView> Backups::hold(Node& node,
                                       HostedSet& set,
                                       const api::ChangeBackup& request) {
    const std::int64_t now_us = clock_.steady_us();
    const auto other = copies_.find(set.set());
    if (other != copies_.end() && other->second.backup != request.backup) {
        if (now_us < other->second.heard_us + taken_us) {
            return Refusal{Reason::job_running, "backup", "another backup is under way"};
        }
        end(node, set.set());
    }
    const auto flushed_to = flush_before_snapshot(set);
    if (!flushed_to) return failed(flushed_to.error());
    Copy& copy = copies_[set.set()];
    copy.backup = request.backup;
    copy.heard_us = now_us;
    copy.held_until_us = now_us + backup_hold_us;
    copy.flushed_to = *flushed_to;
    copy.failed.reset();
    hold_outbox(node, set, copy.held_until_us);
    return view_of(copy);
}

// What failed stays to be told of, and is tried again by the next hold.
Outcome<api::BackupView> Backups::begin(Node& node, HostedSet& set, Copy& copy) {
    if (copy.source || copy.reader) return view_of(copy);
    if (clock_.steady_us() >= copy.held_until_us || !still_held(node, set)) {
        return Refusal{Reason::unavailable, "backup", "the set is not held any more: begin again"};
    }
    copy.index = set.applied();
    if (set.row_store().flushed_applied() < copy.flushed_to) return view_of(copy);
    if (auto made = disk_.make_folder(parent_); !made) return failed(made.error());
    const std::string folder = folder_of(set.set(), copy.backup);
    auto source = take_snapshot(node, disk_, set, folder, {}, open_view_);
    if (!source) return failed(source.error());
    if (!*source) return Refusal{Reason::unavailable, "backup", "the set's log is being replaced"};
    copy.source = std::move(*source);
    prepare(node, set.set());
    return view_of(copies_.at(set.set()));
}

Outcome<api::BackupView> Backups::change(Node& node,
                                         HostedSet& set,
                                         const api::ChangeBackup& request) {
    if (request.what == What::hold) return hold(node, set, request);
    Copy* copy = find(request.set, request.backup);
    if (copy == nullptr && request.what == What::end) return api::BackupView{};
    if (copy == nullptr) return no_such_backup();
    if (request.what == What::begin) return begin(node, set, *copy);
    copy->held_until_us = 0;
    hold_outbox(node, set, 0);
    if (request.what == What::release) return view_of(*copy);
    end(node, set.set());
    return api::BackupView{};
}

Outcome<api::BackupView> Backups::look(const api::GetBackup& request) {
    const Copy* copy = find(request.set, request.backup);
    if (copy == nullptr) return no_such_backup();
    return view_of(*copy);
}

void Backups::prepare(Node& node, model::SetId set) {
    const SnapshotPtr source = copies_.at(set).source;
    prepare_snapshot(node, source, [this, set, source](Node& back, const Result<bool>& complete) {
        prepared(back, set, source, complete);
    });
}

void Backups::prepared(Node& node,
                       model::SetId set,
                       const SnapshotPtr& source,
                       const Result<bool>& complete) {
    const auto found = copies_.find(set);
    if (found == copies_.end() || found->second.source != source) {
        return remove_snapshot(node, source);
    }
    Copy& copy = found->second;
    if (!complete) {
        log_line(LogLevel::warn, "node", "event=backup_failed " + complete.error().detail);
        copy.failed = complete.error();
        return remove_snapshot(node, std::exchange(copy.source, nullptr));
    }
    if (!*complete) return prepare(node, set);
    const replication::SnapshotManifest& manifest = source->manifest();
    log_line(LogLevel::info,
             "node",
             "event=backup set=" + std::to_string(set.value) +
                 " index=" + std::to_string(manifest.index) +
                 " files=" + std::to_string(manifest.files.size()) +
                 " ranges=" + std::to_string(manifest.ranges.size()));
    copy.manifest =
        std::make_shared<const std::string>(replication::encode_manifest(source->manifest()));
    copy.reader = std::make_shared<SnapshotReader>(std::exchange(copy.source, nullptr));
}

void Backups::read(Node& node, const api::ReadBackup& request, Give give) {
    Copy* copy = find(request.set, request.backup);
    if (copy == nullptr || !copy->reader) return give(no_such_backup());
    if (request.part == api::backup_manifest) {
        const std::string& whole = *copy->manifest;
        const std::size_t from = std::min<std::uint64_t>(request.offset, whole.size());
        return give(api::BackupPiece{whole.substr(from, replication::chunk_bytes_max)});
    }
    copy->reader->read(
        node, request.part, request.offset, [give = std::move(give)](Result<std::string> bytes) {
            if (bytes) return give(api::BackupPiece{std::move(*bytes)});
            if (bytes.error().code == Errc::invalid) {
                return give(Refusal{Reason::invalid_parameter, "offset", bytes.error().detail});
            }
            const bool gone = bytes.error().code == Errc::unavailable;
            give(gone ? no_such_backup() : failed(bytes.error()));
        });
}

// A job that makes it removes it when it is done.
void Backups::end(Node& node, model::SetId set) {
    const auto copy = copies_.extract(set);
    if (!copy.empty() && copy.mapped().reader) copy.mapped().reader->close(node);
}

void Backups::tend(Node& node, std::int64_t now_us) {
    std::vector<model::SetId> idle;
    for (const auto& [set, copy] : copies_) {
        if (now_us >= copy.heard_us + backup_idle_us) idle.push_back(set);
    }
    for (const model::SetId set : idle) end(node, set);
}

std::int64_t Backups::next_us() const {
    std::int64_t next_us = std::numeric_limits<std::int64_t>::max();
    for (const auto& [set, copy] : copies_) {
        next_us = std::min(next_us, copy.heard_us + backup_idle_us);
    }
    return next_us;
}

}  // namespace penstock::node
