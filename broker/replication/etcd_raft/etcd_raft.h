// The C interface between the engine class and the Go shim. Only this folder includes it. Flat
// memory and synchronous calls; the shim owns what an er_out points to until the next er_cycle, C++
// owns everything else. Fields in C memory that Go writes are uintptr_t, never pointers: storing a
// pointer would make Go's garbage collector look at the old value.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct er_entry {
    uint64_t term;
    uint64_t index;
    uint32_t type;  // 0 normal, 1 membership
    uint32_t len;
    uintptr_t data;  // 0 with len > 0: only C++'s disk has the payload
} er_entry;

typedef struct er_token {
    uint64_t node;
    uint64_t boot;
    uint64_t number;
} er_token;

typedef struct er_snap {
    uint64_t index;
    uint64_t term;
    uintptr_t ids;  // of uint64_t: voters, then learners
    uint32_t voters;
    uint32_t learners;
} er_snap;

typedef struct er_msg {
    uint32_t type;
    uint32_t reject;
    uint64_t to;
    uint64_t from;
    uint64_t term;
    uint64_t log_term;
    uint64_t index;
    uint64_t commit;
    uint64_t reject_hint;
    uint32_t entries_offset;  // into the array of entries that travels with the messages
    uint32_t entries;
    uint32_t context_len;
    uint8_t context[36];
    er_snap snap;  // of a snapshot message; else index 0
} er_msg;

typedef struct er_read {
    er_token token;
    uint64_t index;
} er_read;

typedef struct er_in {
    uint32_t advance;  // the last output was persisted, sent and applied
    uint32_t ticks;
    uint32_t quiesced_ticks;
    uint32_t campaign;
    uint64_t transfer_to;  // 0: nobody
    const er_msg* msgs;
    const er_entry* msg_entries;
    const er_entry* proposals;
    const er_token* reads;
    uint32_t n_msgs;
    uint32_t n_msg_entries;
    uint32_t n_proposals;
    uint32_t n_reads;
} er_in;

typedef struct er_out {
    uint32_t has_ready;
    uint32_t must_sync;
    uint32_t has_hard_state;
    uint32_t has_soft_state;
    uint64_t term;
    uint64_t vote;
    uint64_t commit;
    uint64_t leader;
    uint32_t role;
    uint32_t proposals_dropped;
    uint32_t reads_dropped;
    uint32_t step_errors;
    uintptr_t entries;      // of er_entry
    uintptr_t committed;    // of er_entry
    uintptr_t msgs;         // of er_msg
    uintptr_t msg_entries;  // of er_entry
    uintptr_t reads;        // of er_read
    uint32_t n_entries;
    uint32_t n_committed;
    uint32_t n_msgs;
    uint32_t n_msg_entries;
    uint32_t n_reads;
    er_snap snap;  // index 0: none
} er_out;

typedef struct er_peer {
    uint64_t id;
    uint64_t match;
    uint64_t next;
    uint64_t pending_snapshot;
    uint32_t state;  // 0 probe, 1 replicate, 2 snapshot
    uint32_t recent_active;
    uint32_t learner;
} er_peer;

typedef struct er_group_status {
    uint64_t term;
    uint64_t commit;
    uint64_t applied;
    uint64_t leader;
    uint64_t first;
    uint64_t last;
    uint64_t transferee;
    uint32_t role;
} er_group_status;

typedef struct er_callbacks {
    void* context;
    // Heads (term, type, len) of up to `room` entries from index `first` on; gives how many.
    int (*entries)(void* context, uint64_t first, er_entry* out, int room);
    // level: 0 debug, 1 info, 2 warning, 3 error
    void (*log)(void* context, int level, const char* text, size_t length);
} er_callbacks;

typedef struct er_config {
    uint64_t id;
    uint64_t applied;
    uint64_t term;
    uint64_t vote;
    uint64_t commit;
    er_snap members;              // at `applied`; its index and term are not read
    er_snap snap;                 // that C++ can send; index 0: none
    uint64_t before_first_index;  // the last place that is no longer in the log
    uint64_t before_first_term;
    uint64_t before_tail_index;  // the place before the window
    uint64_t before_tail_term;
    const er_entry* tail;
    uint64_t n_tail;
    uint64_t message_bytes_max;
    uint64_t uncommitted_bytes_max;
    uint64_t committed_bytes_max;
    uint32_t election_ticks;
    uint32_t heartbeat_ticks;
    uint32_t inflight_messages_max;
    uint32_t log_level;  // lines below it are not made
    er_callbacks callbacks;
} er_config;

typedef struct er_memory {
    uint64_t pause_nanoseconds;
    uint64_t collections;
    uint64_t heap_bytes;
} er_memory;

// What the object exports, by name. Groups are numbers from 1; er_new gives 0 when there is no
// room.
typedef void (*er_setup_fn)(int procs, int gc_percent, int64_t memory_limit, int64_t seed);
typedef void (*er_adopt_fn)(void (*run)(void*), void* context);
typedef int (*er_new_fn)(const er_config* config);
typedef void (*er_free_fn)(int group);
typedef const er_out* (*er_cycle_fn)(int group, const er_in* in);

// A membership entry's payload. Gives its length, 0 when `room` is too small.
typedef uint32_t (*er_make_change_fn)(uint32_t kind, uint64_t id, void* out, uint32_t room);
// The reverse; 0: not such a payload. Kinds: 0 add voter, 1 remove, 3 add learner.
typedef uint32_t (*er_read_change_fn)(const void* bytes,
                                      uint32_t len,
                                      uint32_t* kind,
                                      uint64_t* id);
// Applies a change; gives the number of voters, then learners, written to ids.
typedef void (*er_apply_conf_fn)(
    int group, uint32_t kind, uint64_t id, uint64_t* ids, uint32_t room, uint32_t* counts);

typedef void (*er_snapshot_fn)(int group, uint64_t index);
typedef void (*er_trim_fn)(int group, uint64_t through);
typedef uint32_t (*er_compact_fn)(int group, uint64_t first);  // 0: the term before is not known
typedef void (*er_report_fn)(int group, uint64_t id, uint32_t what);
typedef uint32_t (*er_progress_fn)(int group, er_peer* out, uint32_t room);
typedef void (*er_status_fn)(int group, er_group_status* out);

typedef void (*er_gc_fn)(er_memory* out);

enum { er_peer_unreachable = 0, er_snapshot_finished = 1, er_snapshot_failed = 2 };

#ifdef __cplusplus
}
#endif
