// EngineFunctions: what the shared object exports, as a table of pointers. Filled once by
// EngineLibrary::load, constant afterwards; each call is on the thread that owns the group.
#pragma once

#include "broker/replication/etcd_raft/etcd_raft.h"

namespace penstock::replication {

struct EngineFunctions {
    er_setup_fn setup = nullptr;
    er_adopt_fn adopt = nullptr;
    er_new_fn create = nullptr;
    er_free_fn destroy = nullptr;
    er_cycle_fn cycle = nullptr;
    er_make_change_fn make_change = nullptr;
    er_read_change_fn read_change = nullptr;
    er_apply_conf_fn apply_conf = nullptr;
    er_snapshot_fn snapshot = nullptr;
    er_trim_fn trim = nullptr;
    er_compact_fn compact = nullptr;
    er_report_fn report = nullptr;
    er_progress_fn progress = nullptr;
    er_status_fn status = nullptr;
    er_gc_fn memory = nullptr;
};

}  // namespace penstock::replication
