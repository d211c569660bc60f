// What Go cannot do by itself: call C function pointers and reserve address space. Included by the
// Go files only.
#pragma once

#include "broker/replication/etcd_raft/etcd_raft.h"

#include <stdlib.h>
#include <sys/mman.h>

typedef void (*er_work)(void*);

static inline int er_call_entries(const er_callbacks* to, uint64_t first, er_entry* out, int room) {
    return to->entries(to->context, first, out, room);
}

static inline void er_call_log(const er_callbacks* to, int level, const char* text, size_t length) {
    to->log(to->context, level, text, length);
}

static inline void er_call_work(er_work work, void* context) {
    work(context);
}

// Stands in for payloads that only C++'s disk holds: right length, unreadable bytes.
static inline void* er_reserve(size_t bytes) {
    void* at = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}
