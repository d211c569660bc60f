#include "tests/replication/etcd_raft/engine_under_test.h"

#include <gtest/gtest.h>

#include <iostream>
#include <optional>

namespace penstock::replication::testing {

namespace {

std::optional<EngineLibrary>& loaded() {
    static std::optional<EngineLibrary> library;
    return library;
}

}  // namespace

const EngineLibrary& library() {
    return *loaded();
}

}  // namespace penstock::replication::testing

int main(int argc, char** argv) {
    using penstock::replication::EngineLibrary;
    ::testing::InitGoogleTest(&argc, argv);
    auto library = EngineLibrary::load(PENSTOCK_ETCD_RAFT_OBJECT);
    if (!library) {
        std::cerr << library.error().detail << "\n";
        return 1;
    }
    penstock::replication::testing::loaded().emplace(std::move(*library));
    int failed = 1;
    const auto run = [&failed] {
        failed = RUN_ALL_TESTS();
    };
    penstock::replication::testing::library().run_inside(run);
    return failed;
}
