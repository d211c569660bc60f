// Golden bytes: what these tests expect travels between nodes and lies on disks; a change of it
// needs a new version byte.
#include "broker/replication/snapshot/manifest.h"

#include "tests/replication/snapshot/hex.h"

#include <gtest/gtest.h>

namespace penstock::replication {
namespace {

SnapshotManifest sample() {
    SnapshotManifest manifest;
    manifest.level = 2;
    manifest.set = SetId{3};
    manifest.index = 900;
    manifest.term = 7;
    manifest.time_ms = 1'700'000'000'000;
    manifest.conf_state = "conf";
    manifest.state_hash = 0x1122334455667788;
    manifest.files = {{"000012.sst", 4096, 0xAABBCCDD}, {"CURRENT", 16, 1}};
    manifest.ranges = {{5, 100, 20, 0x01020304}, {101, 900, 1, 9}};
    return manifest;
}

TEST(SnapshotManifest, HasTheseBytes) {
    const std::string bytes = encode_manifest(sample());
    EXPECT_EQ(testing::hex(bytes),
              "504e53544b534e5001020000000300840300000000000007000000000000000068e5cf8b01000088"
              "7766554433221104636f6e66020a3030303031322e7373740010000000000000ddccbbaa07435552"
              "52454e54100000000000000001000000020500000000000000640000000000000014000000040302"
              "01650000000000000084030000000000000100000009000000d229e0b9");
    EXPECT_EQ(decode_manifest(bytes), sample());
}

TEST(SnapshotManifest, IsNoneWithAnyOfItsBytesDamaged) {
    const std::string bytes = encode_manifest(sample());
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ 1);
        EXPECT_FALSE(decode_manifest(damaged)) << at;
        EXPECT_FALSE(decode_manifest(bytes.substr(0, at))) << at;
    }
}

TEST(SnapshotManifest, NamesNoFileOutsideOfItsFolder) {
    for (const char* name : {"../rows", "a/b", "", ".", "..", ".hidden", "a b", "a\\b"}) {
        SnapshotManifest manifest = sample();
        manifest.files = {{name, 1, 1}};
        EXPECT_FALSE(decode_manifest(encode_manifest(manifest))) << name;
    }
    SnapshotManifest manifest = sample();
    manifest.files = {{"a", 1, 1}, {"a", 1, 1}};
    EXPECT_FALSE(decode_manifest(encode_manifest(manifest)));
}

TEST(SnapshotManifest, ItsRangesAscendUpToItsIndex) {
    const std::vector<std::vector<BodyRange>> wrong{{{0, 5, 1, 0}},
                                                    {{5, 4, 1, 0}},
                                                    {{5, 6, 3, 0}},
                                                    {{5, 6, 0, 0}},
                                                    {{5, 901, 1, 0}},
                                                    {{5, 9, 1, 0}, {9, 12, 1, 0}}};
    for (const auto& ranges : wrong) {
        SnapshotManifest manifest = sample();
        manifest.ranges = ranges;
        EXPECT_FALSE(decode_manifest(encode_manifest(manifest)));
    }
}

}  // namespace
}  // namespace penstock::replication
