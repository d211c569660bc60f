#include "broker/replication/snapshot/source.h"

#include "broker/base/check.h"
#include "broker/base/hash.h"
#include "broker/replication/snapshot/body_frame.h"

#include <algorithm>
#include <utility>

namespace penstock::replication {

namespace {

constexpr std::uint64_t step_bytes = 4ULL << 20;
constexpr std::size_t unwanted_records_max = 16;  // read past before looking anew
constexpr std::size_t ranges_max = 500'000;       // of a manifest of manifest_bytes_max
constexpr std::size_t segments_at_once_max = 4;   // a chunk is looked for in

Error nowhere(SetId set, std::uint32_t part, std::uint64_t offset) {
    return error(Errc::invalid,
                 "the snapshot of set " + std::to_string(set.value) + " has nothing at part " +
                     std::to_string(part) + ", offset " + std::to_string(offset));
}

// Frames of listed entries from one of them on, as many as fit.
class Chunk {
  public:
    Chunk(const std::vector<LiveEntry>& entries, std::uint64_t offset, std::size_t bytes_max)
        : entries_(entries),
          next_(offset >> frame_shift),
          skip_(static_cast<std::size_t>(offset & ((1ULL << frame_shift) - 1))),
          bytes_max_(std::min(bytes_max, chunk_bytes_max)) {}

    // The record of the next entry, or one behind it; false: no more is wanted.
    bool take(const storage::StoredEntry& entry) {
        while (wants() && entries_[next_].index < entry.index) {
            add(encode_lost_frame(entries_[next_]));
        }
        if (!wants()) return false;
        if (entries_[next_].index == entry.index) {
            add(encode_frame(entries_[next_], entry));
            return wants();
        }
        return ++unwanted_ < unwanted_records_max;
    }

    void take_nothing() {
        if (wants()) add(encode_lost_frame(entries_[next_]));
    }

    [[nodiscard]] bool wants() const { return !full_ && next_ < entries_.size(); }

    [[nodiscard]] LogIndex next_index() {
        unwanted_ = 0;
        return entries_[next_].index;
    }

    [[nodiscard]] std::string& bytes() { return bytes_; }

    // The one it breaks off in; index 0: it ends between two.
    [[nodiscard]] LongFrame& long_frame() { return long_frame_; }

  private:
    // Whole frames, but for one that is longer than a chunk.
    void add(std::string frame) {
        const std::size_t from = std::min(skip_, frame.size());
        const std::size_t left = frame.size() - from;
        if (bytes_.size() + left > bytes_max_) {
            full_ = true;
            if (!bytes_.empty()) return;
            bytes_ = frame.substr(from, bytes_max_);
            long_frame_ = {entries_[next_].index, std::move(frame)};
            return;
        }
        bytes_.append(frame, from);
        skip_ = 0;
        ++next_;
    }

    const std::vector<LiveEntry>& entries_;
    std::size_t next_;
    std::size_t skip_;  // of the next frame
    std::size_t bytes_max_;
    std::string bytes_;
    LongFrame long_frame_;
    std::size_t unwanted_ = 0;
    bool full_ = false;
};

}  // namespace

SnapshotSource::SnapshotSource(Disk& disk,
                               storage::LogStore& store,
                               std::string folder,
                               SnapshotManifest facts,
                               std::unique_ptr<LiveEntries> live,
                               std::size_t range_entries)
    : disk_(disk),
      store_(store),
      folder_(std::move(folder)),
      manifest_(std::move(facts)),
      live_(std::move(live)),
      pin_(store.pin(manifest_.set)),
      range_entries_(range_entries) {}

Result<bool> SnapshotSource::prepare() {
    if (!listed_) {
        auto names = disk_.list(folder_);
        if (!names) return names.error();
        names_.assign(names->rbegin(), names->rend());
        listed_ = true;
    }
    if (!names_.empty()) return add_file();
    if (!prepared_) return add_range();
    return true;
}

// Some more bytes of the file at hand, or the beginning of the next one.
Result<bool> SnapshotSource::add_file() {
    if (!file_) {
        auto opened = disk_.open(folder_ + "/" + names_.back(), Disk::Open::existing);
        if (!opened) return opened.error();
        const Result<std::uint64_t> size = (*opened)->size();
        if (!size) return size.error();
        file_ = std::move(*opened);
        manifest_.files.push_back({names_.back(), *size, 0});
        summed_bytes_ = 0;
    }
    SnapshotFile& file = manifest_.files.back();
    std::string piece;
    const std::uint64_t end = std::min(file.bytes, summed_bytes_ + step_bytes);
    while (summed_bytes_ < end) {
        piece.resize(std::min<std::uint64_t>(chunk_bytes_max, end - summed_bytes_));
        const auto read = file_->read_at(summed_bytes_, piece.size(), piece.data());
        if (!read) return read.error();
        file.checksum = crc32c(piece, file.checksum);
        summed_bytes_ += piece.size();
    }
    if (summed_bytes_ < file.bytes) return false;
    file_.reset();
    names_.pop_back();
    return false;
}

// A range ends where that depends on the indexes alone, not on where the first one began: whoever
// has an earlier snapshot finds most of its ranges in the next one.
std::size_t SnapshotSource::end_of_range(const std::vector<LiveEntry>& entries) const {
    const std::uint64_t fine = range_entries_;
    const std::uint64_t coarse = fine * 16;
    for (std::size_t at = 1; at < entries.size(); ++at) {
        const LogIndex before = entries[at - 1].index;
        const LogIndex index = entries[at].index;
        if (index / coarse != before / coarse) return at;
        if (index / fine != before / fine && at >= fewest_in_range()) return at;
    }
    return entries.size();
}

Result<bool> SnapshotSource::add_range() {
    const std::size_t wanted = range_entries_ + fewest_in_range();
    auto entries = live_->from(next_entry_, wanted);
    if (!entries) return entries.error();
    const auto behind = std::find_if(entries->begin(), entries->end(), [&](const auto& entry) {
        return entry.index > manifest_.index;
    });
    check(behind == entries->end(), "rows hold bodies of entries they have not applied");
    const std::size_t end = end_of_range(*entries);
    prepared_ = end == entries->size() && entries->size() < wanted;
    entries->resize(end);
    if (!entries->empty()) {
        BodyRange range;
        range.first = entries->front().index;
        range.last = entries->back().index;
        range.entries = static_cast<std::uint32_t>(entries->size());
        for (const LiveEntry& entry : *entries) {
            range.checksum = list_checksum(entry, range.checksum);
        }
        manifest_.ranges.push_back(range);
        next_entry_ = range.last + 1;
    }
    if (manifest_.ranges.size() > ranges_max) {
        return error(Errc::invalid, folder_ + ": there are too many waiting messages to list");
    }
    return prepared_;
}

Result<void> SnapshotSource::look_up(std::uint32_t part) {
    if (!prepared_ || part >= manifest_.parts()) return nowhere(manifest_.set, part, 0);
    if (is_file(part) || (!entries_.empty() && entries_part_ == part)) return {};
    const BodyRange& range = manifest_.ranges[part - manifest_.files.size()];
    auto entries = live_->from(range.first, range.entries);
    if (!entries) return entries.error();
    check(entries->size() == range.entries, "a checkpoint's rows have changed");
    entries_ = std::move(*entries);
    entries_part_ = part;
    return {};
}

Result<void> SnapshotSource::find(std::uint32_t part, std::uint64_t offset, std::size_t bytes_max) {
    if (!pin_) pin_ = store_.pin(manifest_.set);
    if (is_file(part)) return {};
    records_.clear();
    chunk_.clear();
    const std::uint64_t frames = offset >> frame_shift;
    if (frames > entries_.size()) return nowhere(manifest_.set, part, offset);
    if (frames == entries_.size()) return {};
    const auto known = static_cast<std::size_t>(offset & ((1ULL << frame_shift) - 1));
    if (known > 0 && known < long_frame_.bytes.size() &&
        long_frame_.index == entries_[frames].index) {
        chunk_ = long_frame_.bytes.substr(known, std::min(bytes_max, chunk_bytes_max));
        return {};
    }
    long_frame_ = {};
    auto found = store_.sealed_records(manifest_.set, entries_[frames].index, segments_at_once_max);
    if (!found) return found.error();
    records_ = std::move(*found);
    if (!records_.empty()) return {};
    auto chunk = read_written_to(offset, bytes_max);
    if (!chunk) return chunk.error();
    chunk_ = std::move(*chunk);
    return {};
}

Result<std::string> SnapshotSource::fetch(std::uint32_t part,
                                          std::uint64_t offset,
                                          std::size_t bytes_max) {
    if (is_file(part)) return read_file(part, offset, bytes_max);
    return records_.empty() ? std::move(chunk_) : read_sealed(offset, bytes_max);
}

Result<std::string> SnapshotSource::read(std::uint32_t part,
                                         std::uint64_t offset,
                                         std::size_t bytes_max) {
    if (auto looked = look_up(part); !looked) return looked.error();
    if (auto found = find(part, offset, bytes_max); !found) return found.error();
    return fetch(part, offset, bytes_max);
}

Result<std::string> SnapshotSource::read_file(std::uint32_t part,
                                              std::uint64_t offset,
                                              std::size_t bytes_max) {
    const SnapshotFile& file = manifest_.files[part];
    if (offset > file.bytes) return nowhere(manifest_.set, part, offset);
    if (!file_ || file_part_ != part) {
        auto opened = disk_.open(folder_ + "/" + file.name, Disk::Open::existing);
        if (!opened) return opened.error();
        file_ = std::move(*opened);
        file_part_ = part;
    }
    std::string bytes(std::min<std::uint64_t>({bytes_max, chunk_bytes_max, file.bytes - offset}),
                      '\0');
    if (const auto read = file_->read_at(offset, bytes.size(), bytes.data()); !read) {
        return read.error();
    }
    return bytes;
}

// Of the segment that is written to.
Result<std::string> SnapshotSource::read_written_to(std::uint64_t offset, std::size_t bytes_max) {
    Chunk chunk(entries_, offset, bytes_max);
    while (chunk.wants()) {
        bool any = false;
        const LogIndex from = chunk.next_index();
        const auto scanned =
            store_.scan_records(manifest_.set, from, [&](const storage::StoredEntry& entry) {
                any = true;
                return chunk.take(entry);
            });
        if (!scanned) return scanned.error();
        if (!any) chunk.take_nothing();
    }
    long_frame_ = std::move(chunk.long_frame());
    return std::move(chunk.bytes());
}

// As far as the segments go that were found: what they should hold and do not is lost.
Result<std::string> SnapshotSource::read_sealed(std::uint64_t offset, std::size_t bytes_max) {
    Chunk chunk(entries_, offset, bytes_max);
    for (const storage::SealedRecords& records : records_) {
        while (chunk.wants() && chunk.next_index() <= records.last()) {
            const auto more =
                records.scan(chunk.next_index(),
                             [&](const storage::StoredEntry& entry) { return chunk.take(entry); });
            if (!more) return more.error();
            while (*more && chunk.wants() && chunk.next_index() <= records.last()) {
                chunk.take_nothing();
            }
        }
    }
    long_frame_ = std::move(chunk.long_frame());
    return std::move(chunk.bytes());
}

Result<void> SnapshotSource::remove() {
    file_.reset();
    live_.reset();
    prepared_ = false;
    auto names = disk_.list(folder_);
    if (!names) return names.error();
    for (const std::string& name : *names) {
        if (const auto removed = disk_.remove(folder_ + "/" + name); !removed) return removed;
    }
    return {};
}

}  // namespace penstock::replication
