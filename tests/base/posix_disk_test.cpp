#include "broker/base/disk.h"
#include "broker/base/random.h"
#include "tests/support/temp_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

namespace penstock {
namespace {

using ::testing::HasSubstr;

class PosixDiskTest : public ::testing::Test {
  protected:
    std::unique_ptr<File> create(const std::string& name) {
        auto opened = disk_.open(folder_.file(name), Disk::Open::create);
        EXPECT_TRUE(opened) << opened.error().detail;
        return std::move(*opened);
    }

    static std::string read(const File& file, std::uint64_t offset, std::size_t length) {
        std::string bytes(length, '\0');
        const auto outcome = file.read_at(offset, length, bytes.data());
        EXPECT_TRUE(outcome) << outcome.error().detail;
        return bytes;
    }

    testing::TempFolder folder_;
    PosixDisk disk_;
};

TEST_F(PosixDiskTest, PartsAreWrittenOneAfterTheOther) {
    const auto file = create("a");
    ASSERT_TRUE(file->write_at(0, {"one", "", "two"}));
    ASSERT_TRUE(file->write_at(6, {"three"}));
    ASSERT_TRUE(file->sync());
    EXPECT_EQ(read(*file, 0, 11), "onetwothree");
    EXPECT_EQ(read(*file, 3, 3), "two");
    EXPECT_EQ(*file->size(), 11U);
}

TEST_F(PosixDiskTest, MorePartsThanOneCallTakesAreAllWritten) {
    SeededRandom random(9);
    std::vector<std::string> kept;
    std::string whole;
    for (int at = 0; at < 5000; ++at) {
        kept.push_back(random.fill(random.below(50)));
        whole += kept.back();
    }
    const auto file = create("a");
    ASSERT_TRUE(file->write_at(7, {kept.begin(), kept.end()}));
    EXPECT_EQ(read(*file, 7, whole.size()), whole);
}

TEST_F(PosixDiskTest, ReadingPastTheEndIsDamageAndNamesTheFile) {
    const auto file = create("short");
    ASSERT_TRUE(file->write_at(0, {"abc"}));
    std::string bytes(4, '\0');
    const auto outcome = file->read_at(0, 4, bytes.data());
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::damaged);
    EXPECT_THAT(outcome.error().detail, HasSubstr("short ends at byte 3"));
    EXPECT_FALSE(file->read_at(100, 1, bytes.data()));
}

TEST_F(PosixDiskTest, AFreshlyWrittenPageIsReadFromMemoryOrNotAtAll) {
    const auto file = create("a");
    ASSERT_TRUE(file->write_at(0, {"cached"}));
    std::string bytes(6, '\0');
    const auto outcome = file->try_read_cached(0, 6, bytes.data());
    ASSERT_TRUE(outcome);
    EXPECT_EQ(*outcome, bytes == "cached");
    EXPECT_FALSE(*file->try_read_cached(3, 6, bytes.data()));
}

TEST_F(PosixDiskTest, OpeningAMissingFileTellsSo) {
    const auto opened = disk_.open(folder_.file("none"), Disk::Open::existing);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::not_found);
    EXPECT_THAT(opened.error().detail, HasSubstr("none"));
}

TEST_F(PosixDiskTest, WithoutADescriptorAFileIsOutOfReachForAMoment) {
    create("a");
    rlimit usual{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
    const rlimit none{0, usual.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    const auto refused = disk_.open(folder_.file("a"), Disk::Open::existing);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &usual), 0);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::unavailable);
    EXPECT_TRUE(disk_.open(folder_.file("a"), Disk::Open::existing));
}

TEST_F(PosixDiskTest, CreatingOpensTheFileThatIsThere) {
    ASSERT_TRUE(create("a")->write_at(0, {"kept"}));
    EXPECT_EQ(read(*create("a"), 0, 4), "kept");
}

TEST_F(PosixDiskTest, AFullDiskIsToldFromOtherErrors) {
    auto full = disk_.open("/dev/full", Disk::Open::existing);
    ASSERT_TRUE(full) << full.error().detail;
    const auto outcome = (*full)->write_at(0, {"x"});
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::disk_full);
}

TEST_F(PosixDiskTest, SpaceIsReservedAndCutOff) {
    const auto file = create("a");
    ASSERT_TRUE(file->allocate(100'000));
    EXPECT_EQ(*file->size(), 100'000U);
    EXPECT_EQ(read(*file, 99'990, 10), std::string(10, '\0'));
    ASSERT_TRUE(file->truncate(10));
    EXPECT_EQ(*file->size(), 10U);
}

TEST_F(PosixDiskTest, FoldersAreMadeWithParentsAndListedSorted) {
    const std::string folder = folder_.file("deep/er");
    ASSERT_TRUE(disk_.make_folder(folder));
    ASSERT_TRUE(disk_.make_folder(folder));
    for (const char* name : {"c", "a", "b"}) create(std::string("deep/er/") + name);
    EXPECT_EQ(*disk_.list(folder), (std::vector<std::string>{"a", "b", "c"}));
    ASSERT_TRUE(disk_.sync_folder(folder));
    EXPECT_EQ(disk_.list(folder_.file("none")).error().code, Errc::not_found);
    EXPECT_EQ(disk_.sync_folder(folder_.file("none")).error().code, Errc::not_found);
}

TEST_F(PosixDiskTest, FilesAreRenamedAndRemoved) {
    ASSERT_TRUE(create("a")->write_at(0, {"x"}));
    ASSERT_TRUE(disk_.rename(folder_.file("a"), folder_.file("b")));
    EXPECT_EQ(*disk_.list(folder_.path().string()), std::vector<std::string>{"b"});
    ASSERT_TRUE(disk_.remove(folder_.file("b")));
    EXPECT_EQ(*disk_.list(folder_.path().string()), std::vector<std::string>{});
    EXPECT_EQ(disk_.remove(folder_.file("b")).error().code, Errc::not_found);
    EXPECT_EQ(disk_.rename(folder_.file("b"), folder_.file("c")).error().code, Errc::not_found);
}

TEST_F(PosixDiskTest, AFolderIsRemovedOnceItIsEmpty) {
    const std::string folder = folder_.file("folder");
    ASSERT_TRUE(disk_.make_folder(folder));
    ASSERT_TRUE(disk_.open(folder + "/file", Disk::Open::create));
    EXPECT_FALSE(disk_.remove(folder));
    ASSERT_TRUE(disk_.remove(folder + "/file"));
    ASSERT_TRUE(disk_.remove(folder));
    EXPECT_EQ(disk_.list(folder).error().code, Errc::not_found);
}

TEST_F(PosixDiskTest, SpaceOfAFolderIsThatOfItsFileSystem) {
    const auto space = disk_.space(folder_.path().string());
    ASSERT_TRUE(space);
    EXPECT_GT(space->total_bytes, 0U);
    EXPECT_LE(space->free_bytes, space->total_bytes);
    EXPECT_FALSE(disk_.space(folder_.file("none")));
}

}  // namespace
}  // namespace penstock
