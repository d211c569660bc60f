#include "broker/storage/log/segment.h"

#include "broker/base/hash.h"
#include "broker/storage/log/segment_index.h"

#include <algorithm>
#include <cstring>

namespace penstock::storage {

namespace {

constexpr std::size_t page_bytes = 4096;
constexpr std::size_t scan_first_bytes = 64U << 10;
constexpr std::size_t scan_most_bytes = 1U << 20;

Error not_in_memory() {
    return error(Errc::unavailable, "the bytes are not in memory");
}

}  // namespace

Error Segment::damaged(std::uint64_t offset, std::string_view what) const {
    return error(Errc::damaged,
                 path_ + " at byte " + std::to_string(offset) + ": " + std::string(what));
}

Result<BodySource::Body> Segment::read_body(std::uint64_t offset,
                                            MessageId message,
                                            BodySource::Wait wait) const {
    RecordScanner scanner(*this, offset, limit_, page_bytes, sample_spacing, wait);
    bool skipped = false;
    while (true) {
        const Result<bool> more = scanner.next();
        if (!more) return more.error();
        const bool near = *more && scanner.offset() <= offset + sample_spacing &&
                          scanner.header().tag != Tag::footer;
        skipped = skipped || !*more || scanner.skipped_from() != scanner.offset();
        if (!near && skipped) return damaged(offset, "the entry cannot be read");
        if (!near) return error(Errc::not_found, "no such entry");
        const RecordHeader& header = scanner.header();
        if (has_bodies(header.tag) && header.set == message.set() &&
            header.index == message.index()) {
            break;
        }
    }
    const Result<std::string_view> head_bytes = scanner.head();
    if (!head_bytes) return head_bytes.error();
    const RecordHeader& header = scanner.header();
    if (!head_matches(header, *head_bytes)) {
        return damaged(scanner.offset(), "the head of the entry does not match its checksum");
    }
    const auto head = read_entry_head(*head_bytes, header.payload_bytes);
    if (!head) return damaged(scanner.offset(), "the head of the entry is malformed");
    if (message.ordinal() >= head->bodies.size()) return error(Errc::not_found, "no such body");
    const BodySlot& slot = head->bodies[message.ordinal()];
    if (!slot.present) return error(Errc::not_found, "the body was held by nobody and is gone");
    if (slot.codec != 0 || slot.key_id != 0) {
        return damaged(scanner.offset(), "a body of an unknown codec or key");
    }
    BodySource::Body body;
    body.time_ms = header.time_ms;
    const Result<std::string_view> bytes = scanner.bytes(slot.offset, slot.length);
    if (!bytes) return bytes.error();
    if (crc32c(*bytes) != slot.checksum) {
        return damaged(scanner.offset() + slot.offset, "a body does not match its checksum");
    }
    body.bytes = *bytes;
    return body;
}

Result<BodySource::Body> BodySource::read(Wait wait) const {
    return segment_->read_body(offset_, message_, wait);
}

Result<std::string_view> FileWindow::view(std::uint64_t offset, std::size_t length) {
    const Result<std::string_view> found = view_rest(offset, length);
    if (!found) return found.error();
    if (found->size() < length) return error(Errc::damaged, "a record ends behind its file");
    return found->substr(0, length);
}

Result<std::string_view> FileWindow::view_rest(std::uint64_t offset, std::size_t length) {
    const bool inside = offset >= from_ && offset + length <= from_ + buffer_.size();
    if (!inside) {
        const std::uint64_t left = limit_ - std::min(limit_, offset);
        const std::uint64_t wanted = std::max<std::uint64_t>(length, next_bytes_);
        const auto bytes = static_cast<std::size_t>(std::min(wanted, left));
        next_bytes_ = std::min(next_bytes_ * 4, most_bytes_);
        buffer_.resize(bytes);
        from_ = offset;
        if (wait_ == BodySource::Wait::yes) {
            const Result<void> read = file_.read_at(offset, bytes, buffer_.data());
            if (!read) return buffer_.clear(), read.error();
        } else {
            const Result<bool> read = file_.try_read_cached(offset, bytes, buffer_.data());
            if (!read) return buffer_.clear(), read.error();
            if (!*read) return buffer_.clear(), not_in_memory();
        }
    }
    return std::string_view(buffer_).substr(offset - from_);
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

}  // namespace penstock::storage
