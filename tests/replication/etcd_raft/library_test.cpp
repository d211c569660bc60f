// Loading the engine when it is not there, or something else is.
#include "broker/replication/etcd_raft/engine_library.h"

#include <gtest/gtest.h>

#include <string>

namespace penstock::replication {
namespace {

TEST(EngineLibrary, SaysThatItIsNotThere) {
    const auto loaded = EngineLibrary::load("/nowhere/libpenstock_etcd_raft.so");
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, Errc::not_found);
    EXPECT_NE(loaded.error().detail.find("/nowhere/libpenstock_etcd_raft.so is not there"),
              std::string::npos);
}

TEST(EngineLibrary, SaysThatAFileIsNoLibrary) {
    const auto loaded = EngineLibrary::load(PENSTOCK_SOURCE_DIR "/README.md");
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, Errc::invalid);
    EXPECT_NE(loaded.error().detail.find("cannot be loaded"), std::string::npos);
}

TEST(EngineLibrary, IsLookedForBesideTheProgram) {
    const std::string path = EngineLibrary::beside_us();
    EXPECT_TRUE(path.ends_with("/libpenstock_etcd_raft.so")) << path;
}

}  // namespace
}  // namespace penstock::replication
