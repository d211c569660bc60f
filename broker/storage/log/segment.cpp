#include "broker/storage/log/segment.h"

#include <algorithm>

namespace penstock::storage {

namespace {

constexpr std::size_t scan_first_bytes = 64U << 10;
constexpr std::size_t scan_most_bytes = 1U << 20;
constexpr std::size_t block_bytes = 4096;  // what a disk that fails fails by

}  // namespace

Error Segment::damaged(std::uint64_t offset, std::string_view what) const {
    return error(Errc::damaged,
                 path_ + " at byte " + std::to_string(offset) + ": " + std::string(what));
}

Result<std::string_view> FileWindow::view(std::uint64_t offset, std::size_t length) {
    const Result<std::string_view> found = view_rest(offset, length);
    if (!found) return found.error();
    return taken(offset, length);
}

Result<std::string_view> FileWindow::view_rest(std::uint64_t offset, std::size_t length) {
    if (!holds(offset, length)) {
        const Result<void> filled = fill(offset, length, next_bytes_);
        if (!filled) return filled.error();
        next_bytes_ = std::min(next_bytes_ * 4, most_bytes_);
    }
    return std::string_view(buffer_.get(), size_).substr(offset - from_);
}

Result<std::string_view> FileWindow::view_last(std::uint64_t offset, std::size_t length) {
    if (!holds(offset, length)) {
        const Result<void> filled = fill(offset, length, length);
        if (!filled) return filled.error();
    }
    return taken(offset, length);
}

Result<std::string_view> FileWindow::taken(std::uint64_t offset, std::size_t length) const {
    if (!holds(offset, length)) return error(Errc::damaged, "a record ends behind its file");
    return std::string_view(buffer_.get(), size_).substr(offset - from_, length);
}

// Reads `wanted` bytes, or `length` if that is more; fewer at the limit.
Result<void> FileWindow::fill(std::uint64_t offset, std::size_t length, std::size_t wanted) {
    const std::uint64_t left = limit_ - std::min(limit_, offset);
    const auto within = [left](std::size_t bytes) {
        return static_cast<std::size_t>(std::min<std::uint64_t>(bytes, left));
    };
    const std::size_t most = within(std::max(length, wanted));
    Result<bool> there = read(offset, most);
    // What lies behind the wanted bytes may not be in memory, or not written yet.
    if (there && !*there && most > within(length)) there = read(offset, within(length));
    if (!there) return there.error();
    if (!*there) return error(Errc::unavailable, "the bytes are not in memory");
    return {};
}

// False: not without waiting for the disk.
Result<bool> FileWindow::read(std::uint64_t offset, std::size_t length) {
    if (length > room_) {
        buffer_ = std::make_unique_for_overwrite<char[]>(length);
        room_ = length;
    }
    size_ = 0;
    from_ = offset;
    refused_ = false;
    Result<bool> there = true;
    if (wait_ == BodySource::Wait::no) {
        there = file_.try_read_cached(offset, length, buffer_.get());
    } else if (const auto read = read_waiting(offset, length); !read) {
        there = read.error();
    }
    if (there && *there) size_ = length;
    return there;
}

Result<void> FileWindow::read_waiting(std::uint64_t offset, std::size_t length) {
    const auto read = file_.read_at(offset, length, buffer_.get());
    if (read || !reads_around_ || read.error().code != Errc::io) return read;
    for (std::size_t at = 0; at < length;) {
        const std::size_t block =
            std::min<std::size_t>(block_bytes - (offset + at) % block_bytes, length - at);
        const auto one = file_.read_at(offset + at, block, buffer_.get() + at);
        if (!one && one.error().code != Errc::io) return one;
        if (!one) std::fill_n(buffer_.get() + at, block, '\0');
        refused_ = refused_ || !one;
        at += block;
    }
    return {};
}

RecordScanner::RecordScanner(const Segment& segment, std::uint64_t from, std::uint64_t end)
    : RecordScanner(segment, from, end, scan_first_bytes, scan_most_bytes, BodySource::Wait::yes) {}

RecordScanner::RecordScanner(const Segment& segment,
                             std::uint64_t from,
                             std::uint64_t end,
                             std::size_t first_bytes,
                             std::size_t most_bytes,
                             BodySource::Wait wait)
    : segment_(&segment),
      end_(std::min(end, segment.limit())),
      window_(segment.file(), end_, first_bytes, most_bytes, wait),
      behind_(from) {}

Result<bool> RecordScanner::next() {
    skipped_from_ = behind_;
    const Result<bool> here = take_header(behind_);
    if (!here || *here) return here;
    return search(behind_ + record_alignment);
}

Result<bool> RecordScanner::take_header(std::uint64_t offset) {
    if (offset + header_bytes > end_) return false;
    const Result<std::string_view> bytes = window_.view(offset, header_bytes);
    if (!bytes) return bytes.error();
    const auto header = read_header(*bytes, segment_->name(), offset);
    if (!header || offset + record_bytes(header->payload_bytes) > end_) return false;
    header_ = *header;
    offset_ = offset;
    behind_ = offset + record_bytes(header->payload_bytes);
    return true;
}

Result<bool> RecordScanner::search(std::uint64_t from) {
    while (from + header_bytes <= end_) {
        const Result<std::string_view> rest = window_.view_rest(from, header_bytes);
        if (!rest) return rest.error();
        const std::size_t at = rest->find(record_magic);
        if (at == std::string_view::npos) {
            // The magic may lie across the end of what was read, but only at an aligned place.
            from += std::max<std::uint64_t>(rest->size() / record_alignment, 1) * record_alignment;
            continue;
        }
        if ((from + at) % record_alignment == 0) {
            const Result<bool> taken = take_header(from + at);
            if (!taken || *taken) return taken;
        }
        from = (from + at) / record_alignment * record_alignment + record_alignment;
    }
    return false;
}

Result<std::string_view> RecordScanner::payload() {
    return bytes(header_bytes, header_.payload_bytes);
}

Result<std::string_view> RecordScanner::head() {
    return bytes(header_bytes, header_.head_bytes);
}

Result<std::string_view> RecordScanner::bytes(std::uint64_t from, std::size_t length) {
    return window_.view(offset_ + from, length);
}

Result<std::string_view> RecordScanner::last_bytes(std::uint64_t from, std::size_t length) {
    return window_.view_last(offset_ + from, length);
}

}  // namespace penstock::storage
