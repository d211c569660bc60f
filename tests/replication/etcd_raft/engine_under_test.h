// The engine's library in a test program: loaded once by main (engine_main.cpp), which runs all
// tests inside it on one thread.
#pragma once

#include "broker/replication/etcd_raft/engine_library.h"

namespace penstock::replication::testing {

const EngineLibrary& library();

}  // namespace penstock::replication::testing
