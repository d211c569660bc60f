#include "broker/storage/log/body_reader.h"

#include "broker/base/hash.h"
#include "broker/storage/log/apart.h"
#include "broker/storage/log/segment_index.h"

namespace penstock::storage {

namespace {

constexpr std::size_t page_bytes = 4096;

}  // namespace

Result<BodySource::Body> BodySource::read(Wait wait) const {
    return BodyReader(wait).read(*this);
}

Result<BodySource::Body> BodyReader::read(const BodySource& source, Next next) {
    if (const auto found = find_entry(source); !found) return found.error();
    const RecordHeader& header = scanner_->header();
    const auto slot = read_body_slot(head_, header.payload_bytes, source.message_.ordinal());
    if (!slot) {
        return segment_->damaged(scanner_->offset(), "the head of the entry is malformed");
    }
    if (!slot->present) {
        return error(Errc::not_found, "no such body, or it was held by nobody and is gone");
    }
    if (slot->codec != 0 || slot->key_id != 0) {
        return segment_->damaged(scanner_->offset(), "a body of an unknown codec or key");
    }
    if (slot->apart) {
        return read_apart(
            {*segment_, scanner_->offset(), source.message_, *slot}, source.apart_, wait_);
    }
    if (slot->shared) return read_shared(*slot, next);
    const Result<std::string_view> bytes = next == Next::neighbour
                                               ? scanner_->bytes(slot->offset, slot->length)
                                               : scanner_->last_bytes(slot->offset, slot->length);
    if (!bytes) return bytes.error();
    if (crc32c(*bytes) != slot->checksum) {
        return segment_->damaged(scanner_->offset() + slot->offset,
                                 "a body does not match its checksum");
    }
    return BodySource::Body{std::string(*bytes), header.time_ms};
}

Result<BodySource::Body> BodyReader::read_shared(const BodySlot& slot, Next next) {
    if (!shared_) shared_.emplace(*segment_, wait_).read_around();
    const Result<std::string_view> bytes =
        next == Next::neighbour ? shared_->read(slot) : shared_->read_last(slot);
    if (!bytes) return bytes.error();
    return BodySource::Body{std::string(*bytes), scanner_->header().time_ms};
}

bool BodyReader::is_at(MessageId message) const {
    const RecordHeader& header = scanner_->header();
    return has_bodies(header.tag) && header.set == message.set() && header.index == message.index();
}

Result<void> BodyReader::find_entry(const BodySource& source) {
    const bool same = found_ && segment_ == source.segment_ && is_at(source.message_);
    if (same && source.offset_ >= found_from_ && source.offset_ <= scanner_->offset()) return {};
    go_to(source);
    found_ = false;
    bool skipped = false;
    while (true) {
        const Result<bool> more = scanner_->next();
        if (!more) return more.error();
        const bool near = *more && scanner_->offset() <= source.offset_ + sample_spacing &&
                          scanner_->header().tag != Tag::footer;
        skipped = skipped || !*more || scanner_->skipped_from() != scanner_->offset();
        if (!near && skipped) return segment_->damaged(source.offset_, "the entry cannot be read");
        if (!near) return error(Errc::not_found, "no such entry");
        if (is_at(source.message_)) break;
    }
    const Result<std::string_view> head = scanner_->head();
    if (!head) return head.error();
    if (!head_matches(scanner_->header(), *head)) {
        return segment_->damaged(scanner_->offset(),
                                 "the head of the entry does not match its checksum");
    }
    head_ = *head;
    found_from_ = source.offset_;
    found_ = true;
    return {};
}

// Later entries of a set lie behind the ones before them (those that do not are void), so that the
// records up to here need not be gone through again.
void BodyReader::go_to(const BodySource& source) {
    std::uint64_t from = source.offset_;
    if (found_ && segment_ == source.segment_) {
        const std::uint64_t behind = scanner_->behind();
        const bool later = scanner_->header().set == source.message_.set() &&
                           scanner_->header().index < source.message_.index();
        if (later) from = std::max(from, behind);
        if (from >= behind && from <= behind + sample_spacing) return scanner_->seek(from);
    }
    if (segment_ != source.segment_) shared_.reset();
    segment_ = source.segment_;
    scanner_.emplace(
        *segment_, from, segment_->limit(), page_bytes, std::size_t{sample_spacing}, wait_);
    scanner_->read_around();
}

}  // namespace penstock::storage
