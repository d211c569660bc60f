#include "broker/backup/copy.h"

#include "broker/replication/snapshot/part_check.h"
#include "broker/replication/snapshot/source.h"

namespace penstock::backup {

namespace {

using replication::PartCheck;

class Copying {
  public:
    Copying(const ReadPart& read, BackupOutput& output, const Progress& progress)
        : read_(read), output_(output), progress_(progress) {}

    Result<void> copy(const SnapshotManifest& manifest, std::uint32_t part) {
        auto kept = keep(manifest, part);
        if (!kept) return kept.error();
        ++copied_.parts;
        if (*kept) {
            ++copied_.kept;
            return tell();
        }
        if (auto opened = output_.open_part(manifest, part); !opened) return opened;
        PartCheck check(manifest, part);
        while (!check.complete()) {
            const auto bytes = read_(manifest, part, check.offset());
            if (!bytes) return bytes.error();
            if (bytes->empty()) {
                return error(Errc::damaged, part_name(manifest, part) + " ends too early");
            }
            if (auto fed = check.feed(*bytes); !fed) return fed;
            if (auto put = output_.put(*bytes); !put) return put;
            copied_.bytes += bytes->size();
            if (auto told = tell(); !told) return told;
        }
        copied_.lost += check.lost();
        return output_.close_part();
    }

    Copied copied_;

  private:
    // Entries of one index are the same in two backups of one log; of another log, or one that
    // went on differently after a restore, the last frame of the range differs.
    Result<bool> keep(const SnapshotManifest& manifest, std::uint32_t part) {
        auto stored = output_.stored(manifest, part);
        if (!stored) return stored.error();
        if (!*stored) return false;
        if (part >= manifest.files.size()) {
            const std::uint64_t entries = manifest.ranges[part - manifest.files.size()].entries;
            const auto now = read_(manifest, part, (entries - 1) << replication::frame_shift);
            if (!now) return now.error();
            if (now->empty() || !(*stored)->starts_with(*now)) return false;
        }
        output_.keep(manifest, part);
        return true;
    }

    Result<void> tell() {
        if (!progress_ || progress_(copied_)) return {};
        return error(Errc::closed, "the backup was cut short");
    }

    const ReadPart& read_;
    BackupOutput& output_;
    const Progress& progress_;
};

}  // namespace

Result<Copied> copy_backup(const Catalogue& catalogue,
                           const ReadPart& read,
                           BackupOutput& output,
                           const Progress& progress) {
    if (auto begun = output.begin(catalogue); !begun) return begun.error();
    Copying copying(read, output, progress);
    copying.copied_.row_bytes = row_bytes(catalogue);
    for (const SnapshotManifest& manifest : catalogue.sets) {
        for (std::uint32_t part = 0; part < manifest.parts(); ++part) {
            if (auto copied = copying.copy(manifest, part); !copied) return copied.error();
        }
    }
    if (auto finished = output.finish(); !finished) return finished.error();
    return copying.copied_;
}

Result<Copied> check_backup(BackupInput& input) {
    Copied copied;
    const Catalogue& catalogue = input.catalogue();
    for (std::size_t at = 0; at < catalogue.sets.size(); ++at) {
        for (std::uint32_t part = 0; part < catalogue.sets[at].parts(); ++part) {
            if (auto opened = input.open_part(at, part); !opened) return opened.error();
            PartCheck check(catalogue.sets[at], part);
            const auto damaged = [&](const std::string& why) {
                return error(Errc::damaged, input.name_of(at, part) + " is damaged: " + why);
            };
            for (auto bytes = input.next();; bytes = input.next()) {
                if (!bytes) return bytes.error();
                if (bytes->empty()) break;
                if (auto fed = check.feed(*bytes); !fed) return damaged(fed.error().detail);
                copied.bytes += bytes->size();
            }
            if (!check.complete()) return damaged("it ends too early");
            copied.lost += check.lost();
            ++copied.parts;
        }
    }
    copied.row_bytes = row_bytes(catalogue);
    if (auto finished = input.finish(); !finished) return finished.error();
    return copied;
}

}  // namespace penstock::backup
