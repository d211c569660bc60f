// A backup in a folder and as a stream: what is written, kept, refused.
#include "broker/backup/copy.h"

#include "broker/base/hash.h"
#include "broker/replication/snapshot/body_frame.h"
#include "broker/replication/snapshot/source.h"
#include "tests/support/memory_disk.h"

#include <gtest/gtest.h>

#include <sstream>

namespace penstock::backup {
namespace {

using penstock::testing::MemoryDisk;

// A server with one file of rows and two ranges of three messages each in set 1.
struct Source {
    explicit Source(std::uint64_t its_term = 1, std::string its_rows = "rows of now")
        : term(its_term), rows(std::move(its_rows)) {
        SnapshotManifest zero;
        zero.index = 4;
        zero.files = {{"CURRENT", 5, crc32c("names")}};
        SnapshotManifest data;
        data.set = model::SetId{1};
        data.index = 20;
        data.files = {{"000007.sst", rows.size(), crc32c(rows)}};
        for (const model::LogIndex first : {5U, 9U}) {
            replication::BodyRange range{first, first + 2, 3, 0};
            for (model::LogIndex index = first; index < first + 3; ++index) {
                range.checksum = replication::list_checksum({index, {0}}, range.checksum);
            }
            data.ranges.push_back(range);
        }
        catalogue = {1'000, {zero, data}};
    }

    [[nodiscard]] std::string frame(model::LogIndex index) const {
        const std::string body = "body " + std::to_string(index);
        storage::StoredEntry entry;
        entry.index = index;
        entry.term = term;
        entry.bodies.push_back({true, body});
        return replication::encode_frame({index, {0}}, entry);
    }

    // Frame by frame, as a server might.
    Result<std::string> read(const SnapshotManifest& manifest,
                             std::uint32_t part,
                             std::uint64_t offset) {
        ++asked;
        if (part < manifest.files.size()) {
            const std::string& file = manifest.set == model::names_set ? names : rows;
            return file.substr(offset);
        }
        const replication::BodyRange& range = manifest.ranges[part - manifest.files.size()];
        return frame(range.first + (offset >> replication::frame_shift));
    }

    Result<Copied> copy_to(BackupOutput& output) {
        const ReadPart reads =
            [this](const SnapshotManifest& manifest, std::uint32_t part, std::uint64_t offset) {
                return read(manifest, part, offset);
            };
        return copy_backup(catalogue, reads, output, {});
    }

    std::uint64_t term;
    std::string names = "names";
    std::string rows;
    Catalogue catalogue;
    int asked = 0;
};

Result<Copied> copy_into(MemoryDisk& disk, Source& source) {
    auto output = open_output_folder(disk, "/copy");
    if (!output) return output.error();
    return source.copy_to(**output);
}

Result<Copied> checked(MemoryDisk& disk) {
    auto input = open_input_folder(disk, "/copy");
    if (!input) return input.error();
    return check_backup(**input);
}

const std::string first_range = "/copy/set-1/bodies-5-7-3-";

std::string path_of(const MemoryDisk& disk, const std::string& beginning) {
    for (const std::string& file : disk.files()) {
        if (file.starts_with(beginning)) return file;
    }
    return {};
}

TEST(Backup, IsWholeInItsFolder) {
    MemoryDisk disk;
    Source source;
    const auto copied = copy_into(disk, source);
    ASSERT_TRUE(copied) << copied.error().detail;
    EXPECT_EQ(copied->parts, 4U);
    EXPECT_EQ(copied->kept, 0U);
    const auto read = checked(disk);
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_EQ(read->parts, 4U);
    EXPECT_EQ(read->bytes, copied->bytes);
    EXPECT_EQ(disk.bytes_of(path_of(disk, first_range)),
              source.frame(5) + source.frame(6) + source.frame(7));
}

TEST(Backup, KeepsWhatTheOneBeforeHasAndDropsWhatNoneNames) {
    MemoryDisk disk;
    Source before;
    ASSERT_TRUE(copy_into(disk, before));
    Source now(1, "other rows");
    const auto copied = copy_into(disk, now);
    ASSERT_TRUE(copied);
    EXPECT_EQ(copied->kept, 3U);
    // One look at each range, and the file that is new.
    EXPECT_EQ(now.asked, 3);
    EXPECT_TRUE(checked(disk));
    EXPECT_EQ(disk.files().size(), 6U);
}

TEST(Backup, DoesNotTakeTheMessagesOfAnotherLogForItsOwn) {
    MemoryDisk disk;
    Source before;
    ASSERT_TRUE(copy_into(disk, before));
    Source other(2);  // as after a restore: entries of one number and another term
    const auto copied = copy_into(disk, other);
    ASSERT_TRUE(copied);
    EXPECT_EQ(copied->kept, 2U);
    EXPECT_EQ(disk.bytes_of(path_of(disk, first_range)),
              other.frame(5) + other.frame(6) + other.frame(7));
}

TEST(Backup, CutShortAnywhereLeavesTheOneBefore) {
    for (std::uint64_t stop = 1; stop < 60; ++stop) {
        MemoryDisk disk;
        Source before;
        ASSERT_TRUE(copy_into(disk, before));
        disk.stop_after(stop);
        Source now(2, "other rows");
        const auto cut = copy_into(disk, now);
        const auto image = disk.crash_image(stop);
        auto input = open_input_folder(*image, "/copy");
        ASSERT_TRUE(input) << stop;
        const bool is_new = (*input)->catalogue() == now.catalogue;
        EXPECT_TRUE(is_new || (*input)->catalogue() == before.catalogue);
        const auto read = check_backup(**input);
        ASSERT_TRUE(read) << stop << ": " << read.error().detail;
        if (cut) return;
    }
    FAIL() << "it is never whole";
}

TEST(Backup, ADamagedPartIsNamed) {
    for (const std::string part : {"/copy/set-1/rows-000007.sst-", "/copy/set-1/bodies-5-7-3-"}) {
        MemoryDisk disk;
        Source source;
        ASSERT_TRUE(copy_into(disk, source));
        const std::string path = path_of(disk, part);
        std::string bytes = disk.bytes_of(path);
        bytes.back() = static_cast<char>(bytes.back() ^ 1);
        disk.put_bytes(path, bytes);
        const auto damaged = checked(disk);
        ASSERT_FALSE(damaged);
        EXPECT_EQ(damaged.error().code, Errc::damaged);
        EXPECT_TRUE(damaged.error().detail.starts_with(path)) << damaged.error().detail;
        ASSERT_TRUE(disk.remove(path));
        EXPECT_FALSE(checked(disk));
    }
}

TEST(Backup, GoesIntoNoFolderOfSomebodyElse) {
    MemoryDisk disk;
    ASSERT_TRUE(disk.make_folder("/copy"));
    ASSERT_TRUE(disk.open("/copy/letter", Disk::Open::create));
    Source source;
    const auto refused = copy_into(disk, source);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::invalid);
    EXPECT_EQ(disk.files().size(), 1U);
}

TEST(Backup, IsTheSameAsAStreamAndRefusedWhereThatIsCut) {
    Source source;
    std::ostringstream out;
    ASSERT_TRUE(source.copy_to(*make_output_stream(out)));
    const std::string whole = out.str();
    std::istringstream in(whole);
    auto input = open_input_stream(in);
    ASSERT_TRUE(input);
    EXPECT_EQ((*input)->catalogue(), source.catalogue);
    const auto read = check_backup(**input);
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_EQ(read->parts, 4U);
    for (std::size_t length = 0; length < whole.size(); ++length) {
        std::istringstream part(whole.substr(0, length));
        auto cut = open_input_stream(part);
        EXPECT_TRUE(!cut || !check_backup(**cut)) << length;
    }
}

}  // namespace
}  // namespace penstock::backup
