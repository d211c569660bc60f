#include "broker/replication/snapshot/sink.h"

#include "broker/base/check.h"

#include <algorithm>
#include <utility>

namespace penstock::replication {

namespace {

constexpr std::uint64_t step_bytes = 4ULL << 20;
// A long part is not left to one sync: the logs of this disk would wait for all of it.
constexpr std::uint64_t unsynced_bytes_max = 4ULL << 20;

}  // namespace

SnapshotSink::SnapshotSink(Disk& disk, const std::string& data_folder, SnapshotManifest manifest)
    : incoming_(disk, data_folder, manifest.set), manifest_(std::move(manifest)) {}

std::string SnapshotSink::partial_path() const {
    return incoming_.part_path(manifest_, part_) + std::string(partial_suffix);
}

std::optional<SnapshotSink::Wanted> SnapshotSink::wanted() const {
    if (phase_ != Phase::receive) return std::nullopt;
    return Wanted{part_, check_->offset()};
}

Result<bool> SnapshotSink::step() {
    Result<void> done;
    switch (phase_) {
        case Phase::look:
            done = look();
            break;
        case Phase::clear: {
            const Result<bool> more = incoming_.clear_some();
            if (!more || *more) return more;
            done = incoming_.make();
            if (done) done = incoming_.put_manifest(manifest_);
            phase_ = Phase::next_part;
            break;
        }
        case Phase::next_part:
            done = next_part();
            break;
        case Phase::read_again:
            done = read_again();
            break;
        case Phase::receive:
        case Phase::complete:
            break;
    }
    if (!done) return done.error();
    return phase_ != Phase::receive && phase_ != Phase::complete;
}

Result<void> SnapshotSink::look() {
    const auto marked = incoming_.is_marked();
    if (!marked) return marked.error();
    check(!*marked, "a snapshot that is being installed is received again");
    const auto known = incoming_.manifest();
    if (!known) return known.error();
    phase_ = *known && **known == manifest_ ? Phase::next_part : Phase::clear;
    return {};
}

// The first part that is not complete; what of it is there already is read again.
Result<void> SnapshotSink::next_part() {
    if (part_ == manifest_.parts()) {
        phase_ = Phase::complete;
        return {};
    }
    Disk& disk = incoming_.disk();
    auto whole = disk.open(incoming_.part_path(manifest_, part_), Disk::Open::existing);
    if (whole) {
        ++part_;
        return {};
    }
    if (whole.error().code != Errc::not_found) return whole.error();
    auto opened = disk.open(partial_path(), Disk::Open::create);
    if (!opened) return opened.error();
    file_ = std::move(*opened);
    const Result<std::uint64_t> size = file_->size();
    if (!size) return size.error();
    check_.emplace(manifest_, part_);
    bytes_ = *size;
    read_ = 0;
    synced_ = 0;
    phase_ = Phase::read_again;
    return {};
}

Result<void> SnapshotSink::read_again() {
    bool right = true;
    std::string piece;
    const std::uint64_t end = std::min(bytes_, read_ + step_bytes);
    while (right && read_ < end) {
        piece.resize(std::min<std::uint64_t>(chunk_bytes_max, end - read_));
        const auto read = file_->read_at(read_, piece.size(), piece.data());
        if (!read) return read;
        read_ += piece.size();
        right = check_->feed(piece).has_value();
    }
    if (right && read_ < bytes_) return {};
    if (!right && check_->keep_whole() == bytes_) return begin_anew();
    // Of what a crash cut off the whole frames count.
    bytes_ = check_->keep_whole();
    if (!right) {
        if (const auto cut = file_->truncate(bytes_); !cut) return cut;
        check_.emplace(manifest_, part_);
        read_ = 0;
        return {};
    }
    if (const auto cut = file_->truncate(bytes_); !cut) return cut;
    if (check_->complete()) return finish_part();
    phase_ = Phase::receive;
    return {};
}

Result<void> SnapshotSink::begin_anew() {
    if (const auto cut = file_->truncate(0); !cut) return cut;
    check_.emplace(manifest_, part_);
    bytes_ = 0;
    read_ = 0;
    synced_ = 0;
    phase_ = Phase::receive;
    return {};
}

Result<void> SnapshotSink::take(std::string_view bytes) {
    check(phase_ == Phase::receive, "a chunk comes that is not wanted");
    Result<void> fed = error(Errc::damaged, "a chunk is empty or too long");
    if (!bytes.empty() && bytes.size() <= chunk_bytes_max) fed = check_->feed(bytes);
    if (!fed) {
        if (const auto begun = begin_anew(); !begun) return begun;
        return fed;
    }
    if (const auto wrote = file_->write_at(bytes_, {bytes}); !wrote) return wrote;
    bytes_ += bytes.size();
    received_ += bytes.size();
    if (check_->complete()) return finish_part();
    if (bytes_ < synced_ + unsynced_bytes_max) return {};
    synced_ = bytes_;
    return file_->sync();
}

// Its name says that it is complete: after that it is not read again.
Result<void> SnapshotSink::finish_part() {
    if (const auto synced = file_->sync(); !synced) return synced;
    file_.reset();
    const std::string path = incoming_.part_path(manifest_, part_);
    if (const auto renamed = incoming_.disk().rename(partial_path(), path); !renamed) {
        return renamed;
    }
    const std::string folder = path.substr(0, path.rfind('/'));
    if (const auto synced = incoming_.disk().sync_folder(folder); !synced) return synced;
    lost_ += check_->lost();
    check_.reset();
    ++part_;
    phase_ = Phase::next_part;
    return {};
}

}  // namespace penstock::replication
