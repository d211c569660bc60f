// Golden bytes of the catalogue, and the names of parts.
#include "broker/backup/catalogue.h"

#include "tests/replication/snapshot/hex.h"

#include <gtest/gtest.h>

namespace penstock::backup {
namespace {

SnapshotManifest manifest_of(std::uint16_t set) {
    SnapshotManifest manifest;
    manifest.set = model::SetId{set};
    manifest.index = 900;
    manifest.files = {{"000012.sst", 4096, 0xAABBCCDD}};
    manifest.ranges = {{5, 100, 20, 0x01020304}};
    return manifest;
}

TEST(Catalogue, BeginsWithTheseBytesAndComesBack) {
    const Catalogue catalogue{1'700'000'000'000, {manifest_of(0), manifest_of(3)}};
    const std::string bytes = encode_catalogue(catalogue);
    EXPECT_EQ(replication::testing::hex(bytes.substr(0, 18)),
              "504e53544b42414b010068e5cf8b01000002");
    EXPECT_EQ(decode_catalogue(bytes), catalogue);
}

TEST(Catalogue, IsNoneWithAnyOfItsBytesDamaged) {
    const std::string bytes = encode_catalogue({1, {manifest_of(0)}});
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ 1);
        EXPECT_FALSE(decode_catalogue(damaged)) << at;
        EXPECT_FALSE(decode_catalogue(bytes.substr(0, at))) << at;
    }
}

TEST(Catalogue, HasSetZeroAndEachSetOnce) {
    EXPECT_FALSE(decode_catalogue(encode_catalogue({1, {}})));
    EXPECT_FALSE(decode_catalogue(encode_catalogue({1, {manifest_of(1)}})));
    EXPECT_FALSE(
        decode_catalogue(encode_catalogue({1, {manifest_of(0), manifest_of(2), manifest_of(2)}})));
}

TEST(Catalogue, NamesPartsByWhatIsInThem) {
    EXPECT_EQ(part_name(manifest_of(3), 0), "set-3/rows-000012.sst-aabbccdd");
    EXPECT_EQ(part_name(manifest_of(3), 1), "set-3/bodies-5-100-20-01020304");
}

}  // namespace
}  // namespace penstock::backup
