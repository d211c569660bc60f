#include "broker/replication/snapshot/install.h"

#include "broker/base/check.h"
#include "broker/base/planted.h"

#include <algorithm>
#include <utility>

namespace penstock::replication {

namespace {

Error lost(const Incoming& incoming, const std::string& what) {
    return error(Errc::damaged,
                 incoming.folder() + ": " + what +
                     "; remove the set's folders under incoming and rows, it is fetched again");
}

}  // namespace

Result<std::unique_ptr<SnapshotInstall>> SnapshotInstall::begin(Disk& disk,
                                                                const std::string& data_folder,
                                                                const SnapshotManifest& manifest) {
    Incoming incoming(disk, data_folder, manifest.set);
    if (const auto marked = incoming.mark(); !marked) return marked.error();
    return std::make_unique<SnapshotInstall>(std::move(incoming), manifest);
}

// Nothing of the set is appended while its snapshot is being installed: an entry at or behind the
// snapshot's index is either its own beginning, or shows that the log went on without it.
Result<std::unique_ptr<SnapshotInstall>> SnapshotInstall::resume(Disk& disk,
                                                                 const std::string& data_folder,
                                                                 SetId set,
                                                                 const storage::LogStore& store) {
    Incoming incoming(disk, data_folder, set);
    auto manifest = incoming.manifest();
    if (!manifest) return manifest.error();
    if (!*manifest) return lost(incoming, "the manifest of a snapshot cannot be read");
    auto install = std::make_unique<SnapshotInstall>(std::move(incoming), std::move(**manifest));
    if (planted(K36)) install->phase_ = Phase::unmark;
    const LogIndex index = install->manifest_.index;
    const LogIndex last = store.range(set).last;
    if (last < index || (last == index && store.start(set).index == index)) return install;
    if (const auto revoked = install->revoke(); !revoked) return revoked.error();
    return std::unique_ptr<SnapshotInstall>{};
}

Result<void> SnapshotInstall::revoke() {
    return incoming_.unmark();
}

Result<bool> SnapshotInstall::step(storage::LogStore& store, std::uint64_t bytes_max) {
    if (!needs_store()) return step_on_disk();
    if (phase_ == Phase::bodies) {
        if (auto put = put_bodies(store, bytes_max); !put) return put.error();
        return true;
    }
    replace_log(store);
    part_ = static_cast<std::uint32_t>(manifest_.files.size());
    phase_ = Phase::bodies;
    return true;
}

Result<bool> SnapshotInstall::step_on_disk() {
    check(!needs_store(), "the log is replaced before the rows");
    Result<void> done;
    if (phase_ == Phase::rows) {
        done = swap_rows();
        phase_ = Phase::unmark;
    } else if (phase_ == Phase::unmark) {
        done = incoming_.unmark();
        phase_ = Phase::clear;
    } else if (phase_ == Phase::clear) {
        const Result<bool> more = incoming_.clear_some();
        if (!more || *more) return more;
        phase_ = Phase::done;
    }
    if (!done) return done.error();
    return phase_ != Phase::done;
}

void SnapshotInstall::replace_log(storage::LogStore& store) const {
    const SetId set = manifest_.set;
    store.replace_log(set, {manifest_.index, manifest_.term});
    storage::HardState state = store.hard_state(set);
    if (state.commit >= manifest_.index && state.term >= manifest_.term) return;
    if (state.term < manifest_.term) state.vote = 0;
    state.term = std::max(state.term, manifest_.term);
    state.commit = std::max(state.commit, manifest_.index);
    store.append_hard_state(set, state);
}

Result<void> SnapshotInstall::open_bodies() {
    auto opened =
        incoming_.disk().open(incoming_.part_path(manifest_, part_), Disk::Open::existing);
    if (!opened) return opened.error();
    file_ = std::move(*opened);
    const Result<std::uint64_t> size = file_->size();
    if (!size) return size.error();
    bytes_ = *size;
    read_ = 0;
    frames_ = FrameReader();
    return {};
}

// Some more of the ranges; each record goes into the log store as it comes.
Result<void> SnapshotInstall::put_bodies(storage::LogStore& store, std::uint64_t bytes_max) {
    std::uint64_t left = bytes_max;
    std::string piece;
    while (left > 0 && part_ < manifest_.parts()) {
        if (!file_) {
            if (const auto opened = open_bodies(); !opened) return opened;
        }
        piece.resize(std::min<std::uint64_t>({chunk_bytes_max, left, bytes_ - read_}));
        const auto read = file_->read_at(read_, piece.size(), piece.data());
        if (!read) return read;
        const auto fed = frames_.feed(piece, [&](BodyFrame&& frame) {
            frame.record.set = manifest_.set;
            store.append_body(std::move(frame.record));
        });
        if (!fed) return lost(incoming_, fed.error().detail);
        read_ += piece.size();
        left -= std::min<std::uint64_t>(left, piece.size());
        if (read_ < bytes_) continue;
        if (frames_.pending() != 0) return lost(incoming_, "bodies end in the middle of one");
        file_.reset();
        ++part_;
    }
    if (part_ == manifest_.parts()) phase_ = Phase::rows;
    return {};
}

Result<void> SnapshotInstall::put_old_rows_aside() {
    const auto old = incoming_.names(incoming_.own_rows_folder());
    if (!old) return old.error();
    if (old->empty()) return {};
    // What an earlier installation left would be in the way.
    const auto left = incoming_.names(incoming_.old_rows_folder());
    if (!left) return left.error();
    for (const std::string& name : *left) {
        const auto gone = incoming_.disk().remove(incoming_.old_rows_folder() + "/" + name);
        if (!gone) return gone;
    }
    const std::string& rows = incoming_.own_rows_folder();
    const auto moved = incoming_.disk().rename(rows, incoming_.old_rows_folder());
    if (!moved) return moved;
    if (const auto synced = incoming_.disk().sync_folder(incoming_.folder()); !synced) {
        return synced;
    }
    return incoming_.disk().sync_folder(rows.substr(0, rows.rfind('/')));
}

Result<void> SnapshotInstall::swap_rows() {
    Disk& disk = incoming_.disk();
    const auto fresh = incoming_.names(incoming_.rows_folder());
    if (!fresh) return fresh.error();
    // Without any the swap was done before a crash.
    if (!fresh->empty()) {
        if (const auto aside = put_old_rows_aside(); !aside) return aside;
        const std::string& rows = incoming_.own_rows_folder();
        const std::string parent = rows.substr(0, rows.rfind('/'));
        if (const auto made = disk.make_folder(parent); !made) return made;
        if (const auto moved = disk.rename(incoming_.rows_folder(), rows); !moved) return moved;
        if (const auto synced = disk.sync_folder(parent); !synced) return synced;
    }
    return disk.sync_folder(incoming_.folder());
}

}  // namespace penstock::replication
