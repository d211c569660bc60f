// Segment: one open segment file. Sealed, it is immutable; while written to, the bytes below the
// last sync are. Kept open by whoever holds it, also when the store has removed the file. Reads are
// safe from any thread; only the store writes. Errors: damaged (with path and offset), io,
// not_found, and unavailable where waiting for the disk was not allowed.
#pragma once

#include "broker/base/disk.h"
#include "broker/storage/log/log_store.h"
#include "broker/storage/log/record_format.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace penstock::storage {

class Segment {
  public:
    // Nothing is read at or behind `limit`.
    Segment(std::unique_ptr<File> file, SegmentName name, std::string path, std::uint64_t limit)
        : file_(std::move(file)), name_(name), path_(std::move(path)), limit_(limit) {}

    [[nodiscard]] const File& file() const { return *file_; }

    [[nodiscard]] File& file() { return *file_; }

    [[nodiscard]] SegmentName name() const { return name_; }

    [[nodiscard]] const std::string& path() const { return path_; }

    [[nodiscard]] std::uint64_t limit() const { return limit_; }

    [[nodiscard]] Error damaged(std::uint64_t offset, std::string_view what) const;

  private:
    std::unique_ptr<File> file_;
    SegmentName name_;
    std::string path_;
    std::uint64_t limit_;
};

// A buffer over a file's bytes [0, limit) for reading forward; what it reads at once grows with
// use, from `first_bytes` to `most_bytes`. A view holds until the next one is asked for.
class FileWindow {
  public:
    FileWindow(const File& file,
               std::uint64_t limit,
               std::size_t first_bytes,
               std::size_t most_bytes,
               BodySource::Wait wait)
        : file_(file),
          limit_(limit),
          next_bytes_(first_bytes),
          most_bytes_(most_bytes),
          wait_(wait) {}

    Result<std::string_view> view(std::uint64_t offset, std::size_t length);

    // From `offset` on what is in memory anyway, at least `length` bytes, fewer at the limit.
    Result<std::string_view> view_rest(std::uint64_t offset, std::size_t length);

    // As view, but when the file must be read then no more of it than that.
    Result<std::string_view> view_last(std::uint64_t offset, std::size_t length);

    // Blocks that the disk refuses to read are zeros from now on.
    void read_around() { reads_around_ = true; }

    // Whether there are such zeros in or near the last view.
    [[nodiscard]] bool refused() const { return refused_; }

  private:
    [[nodiscard]] bool holds(std::uint64_t offset, std::size_t length) const {
        return offset >= from_ && offset + length <= from_ + size_;
    }

    // The view of that, read or not.
    [[nodiscard]] Result<std::string_view> taken(std::uint64_t offset, std::size_t length) const;
    Result<void> fill(std::uint64_t offset, std::size_t length, std::size_t wanted);
    Result<bool> read(std::uint64_t offset, std::size_t length);
    Result<void> read_waiting(std::uint64_t offset, std::size_t length);

    const File& file_;
    std::uint64_t limit_;
    std::size_t next_bytes_;
    std::size_t most_bytes_;
    BodySource::Wait wait_;
    bool reads_around_ = false;
    bool refused_ = false;
    std::unique_ptr<char[]> buffer_;  // not zeroed: what is not read is never looked at
    std::size_t room_ = 0;
    std::size_t size_ = 0;
    std::uint64_t from_ = 0;
};

// Steps over the records of a segment between two offsets. Bytes that are no record are skipped up
// to the next header that is valid for its place.
class RecordScanner {
  public:
    RecordScanner(const Segment& segment, std::uint64_t from, std::uint64_t end);
    RecordScanner(const Segment& segment,
                  std::uint64_t from,
                  std::uint64_t end,
                  std::size_t first_bytes,
                  std::size_t most_bytes,
                  BodySource::Wait wait);

    // False: no further record before the end.
    Result<bool> next();

    // What the disk refuses to read is damage of what it hits, as its checksums tell, and nothing
    // of the rest. Not for a start: what it cannot read at the end is not what was never written.
    void read_around() { window_.read_around(); }

    // As FileWindow::refused().
    [[nodiscard]] bool refused() const { return window_.refused(); }

    // Goes on at another place.
    void seek(std::uint64_t offset) { behind_ = offset; }

    [[nodiscard]] std::uint64_t offset() const { return offset_; }

    [[nodiscard]] const RecordHeader& header() const { return header_; }

    // Behind the record: where the next should begin.
    [[nodiscard]] std::uint64_t behind() const { return behind_; }

    // Where bytes were skipped to reach this record; offset() when none were.
    [[nodiscard]] std::uint64_t skipped_from() const { return skipped_from_; }

    // Bytes of the record, unverified; until next() or the next view.
    Result<std::string_view> bytes(std::uint64_t from, std::size_t length);
    Result<std::string_view> payload();
    Result<std::string_view> head();

    // As bytes, for the last ones that are wanted.
    Result<std::string_view> last_bytes(std::uint64_t from, std::size_t length);

  private:
    Result<bool> take_header(std::uint64_t offset);
    Result<bool> search(std::uint64_t from);

    const Segment* segment_;
    std::uint64_t end_;
    FileWindow window_;
    std::uint64_t offset_ = 0;
    std::uint64_t behind_;
    std::uint64_t skipped_from_ = 0;
    RecordHeader header_;
};

}  // namespace penstock::storage
