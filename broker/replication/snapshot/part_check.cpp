#include "broker/replication/snapshot/part_check.h"

#include "broker/base/hash.h"
#include "broker/replication/snapshot/source.h"

namespace penstock::replication {

PartCheck::PartCheck(const SnapshotManifest& manifest, std::uint32_t part)
    : is_file_(part < manifest.files.size()) {
    if (is_file_) file_ = manifest.files[part];
    if (!is_file_) range_ = manifest.ranges[part - manifest.files.size()];
}

bool PartCheck::full() const {
    if (is_file_) return bytes_ == file_.bytes;
    return frames_.frames() == range_.entries && frames_.pending() == 0;
}

bool PartCheck::complete() const {
    return full() && checksum_ == (is_file_ ? file_.checksum : range_.checksum);
}

std::uint64_t PartCheck::offset() const {
    if (is_file_) return bytes_;
    return (std::uint64_t{frames_.frames()} << frame_shift) + frames_.pending();
}

std::uint64_t PartCheck::keep_whole() {
    if (is_file_) return bytes_;
    frames_.forget_pending();
    return frames_.whole_bytes();
}

Result<void> PartCheck::feed(std::string_view bytes) {
    bytes_ += bytes.size();
    if (is_file_) {
        checksum_ = crc32c(bytes, checksum_);
        const bool right = bytes_ < file_.bytes || complete();
        return right ? Result<void>{}
                     : error(Errc::damaged, file_.name + " does not match its checksum");
    }
    bool ordered = true;
    const auto fed = frames_.feed(bytes, [&](BodyFrame&& frame) {
        ordered = ordered && frame.listed.index > last_ && frame.listed.index >= range_.first &&
                  frame.listed.index <= range_.last;
        last_ = frame.listed.index;
        lost_ += frame.lost;
        checksum_ = list_checksum(frame.listed, checksum_);
    });
    if (!fed) return fed;
    const bool right = ordered && frames_.frames() <= range_.entries && (!full() || complete());
    return right ? Result<void>{}
                 : error(Errc::damaged,
                         "bodies of entries " + std::to_string(range_.first) + " to " +
                             std::to_string(range_.last) + " are not those listed");
}

}  // namespace penstock::replication
