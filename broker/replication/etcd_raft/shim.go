// Package main compiles to a shared object: etcd's raft core behind one batched C call per turn of the
// loop. etcd_raft.h is the contract. A panic of the core ends the process on purpose.
package main

/*
#cgo CFLAGS: -I${SRCDIR}/../../..
#include "shim.h"
*/
import "C"

import (
	"math/rand"
	"runtime"
	"runtime/debug"
	"sync"
	"unsafe"

	"go.etcd.io/etcd/raft"
	pb "go.etcd.io/etcd/raft/raftpb"
	"go.etcd.io/etcd/raft/tracker"
)

// group is one replica of one set.
type group struct {
	raw     *raft.RawNode
	log     *window
	ready   raft.Ready
	pending bool // ready was handed out and not advanced yet
	out     output
}

// Groups by number; 0 is none.
var (
	groupsLock sync.Mutex
	groups     [4096]*group
)

// lockedRand has the layout of raft's own source of randomness, which draws election time-outs.
type lockedRand struct {
	_    sync.Mutex
	rand *rand.Rand
}

//go:linkname raftRand go.etcd.io/etcd/raft.globalRand
var raftRand *lockedRand

//export er_setup
func er_setup(procs, gcPercent C.int, memoryLimit, seed C.int64_t) {
	if procs > 0 {
		runtime.GOMAXPROCS(int(procs))
	}
	if gcPercent > 0 {
		debug.SetGCPercent(int(gcPercent))
	}
	if memoryLimit > 0 {
		debug.SetMemoryLimit(int64(memoryLimit))
	}
	if seed != 0 {
		raftRand.rand = rand.New(rand.NewSource(int64(seed)))
	}
}

// er_adopt runs work on a thread that Go's runtime knows for as long as it takes: Go before 1.21
// attaches a foreign thread anew for each call otherwise.
//
//export er_adopt
func er_adopt(work C.er_work, context unsafe.Pointer) { C.er_call_work(work, context) }

//export er_new
func er_new(c *C.er_config) C.int {
	w := &window{
		begin:    point{uint64(c.before_first_index), uint64(c.before_first_term)},
		before:   point{uint64(c.before_tail_index), uint64(c.before_tail_term)},
		entries:  entriesOf(unsafe.Pointer(c.tail), int(c.n_tail)),
		hard:     pb.HardState{Term: uint64(c.term), Vote: uint64(c.vote), Commit: uint64(c.commit)},
		members:  membersOf(&c.members),
		snapshot: snapshotOf(&c.snap),
		calls:    c.callbacks,
	}
	raw, err := raft.NewRawNode(&raft.Config{
		ID:                        uint64(c.id),
		ElectionTick:              int(c.election_ticks),
		HeartbeatTick:             int(c.heartbeat_ticks),
		Storage:                   w,
		Applied:                   uint64(c.applied),
		MaxSizePerMsg:             uint64(c.message_bytes_max),
		MaxCommittedSizePerReady:  uint64(c.committed_bytes_max),
		MaxUncommittedEntriesSize: uint64(c.uncommitted_bytes_max),
		MaxInflightMsgs:           int(c.inflight_messages_max),
		CheckQuorum:               true,
		PreVote:                   true,
		ReadOnlyOption:            raft.ReadOnlySafe,
		DisableProposalForwarding: true,
		Logger:                    &logger{calls: c.callbacks, level: int(c.log_level)},
	})
	must(err)
	groupsLock.Lock()
	defer groupsLock.Unlock()
	for number := 1; number < len(groups); number++ {
		if groups[number] == nil {
			groups[number] = &group{raw: raw, log: w, out: newOutput()}
			return C.int(number)
		}
	}
	return 0
}

//export er_free
func er_free(number C.int) {
	groupsLock.Lock()
	g := groups[number]
	groups[number] = nil
	groupsLock.Unlock()
	g.out.free()
}

//export er_snapshot
func er_snapshot(number C.int, index C.uint64_t) {
	w := groups[number].log
	if uint64(index) <= w.snapshot.Index {
		return
	}
	term, err := w.Term(uint64(index))
	must(err)
	w.snapshot = pb.SnapshotMetadata{Index: uint64(index), Term: term, ConfState: w.members}
}

//export er_trim
func er_trim(number C.int, through C.uint64_t) { groups[number].log.trim(uint64(through)) }

//export er_compact
func er_compact(number C.int, first C.uint64_t) C.uint32_t {
	w := groups[number].log
	before := uint64(first) - 1
	if before <= w.begin.index {
		return 1
	}
	term, err := w.Term(before)
	if err != nil {
		return 0
	}
	w.trim(before)
	w.begin = point{before, term}
	return 1
}

//export er_report
func er_report(number C.int, id C.uint64_t, what C.uint32_t) {
	raw := groups[number].raw
	switch what {
	case C.er_peer_unreachable:
		raw.ReportUnreachable(uint64(id))
	case C.er_snapshot_finished:
		raw.ReportSnapshot(uint64(id), raft.SnapshotFinish)
	case C.er_snapshot_failed:
		raw.ReportSnapshot(uint64(id), raft.SnapshotFailure)
	}
}

//export er_progress
func er_progress(number C.int, out *C.er_peer, room C.uint32_t) C.uint32_t {
	list, count := unsafe.Slice(out, int(room)), 0
	groups[number].raw.WithProgress(func(id uint64, _ raft.ProgressType, p tracker.Progress) {
		if count == len(list) {
			return
		}
		to := &list[count]
		to.id, to.match, to.next = C.uint64_t(id), C.uint64_t(p.Match), C.uint64_t(p.Next)
		to.pending_snapshot, to.state = C.uint64_t(p.PendingSnapshot), C.uint32_t(p.State)
		to.recent_active, to.learner = flag(p.RecentActive), flag(p.IsLearner)
		count++
	})
	return C.uint32_t(count)
}

//export er_status
func er_status(number C.int, out *C.er_group_status) {
	g := groups[number]
	status := g.raw.BasicStatus()
	out.term, out.commit = C.uint64_t(status.Term), C.uint64_t(status.Commit)
	out.applied, out.leader = C.uint64_t(status.Applied), C.uint64_t(status.Lead)
	out.first, out.last = C.uint64_t(g.log.begin.index+1), C.uint64_t(g.log.last())
	out.transferee, out.role = C.uint64_t(status.LeadTransferee), C.uint32_t(status.RaftState)
}

//export er_gc
func er_gc(out *C.er_memory) {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	out.pause_nanoseconds = C.uint64_t(stats.PauseTotalNs)
	out.collections = C.uint64_t(stats.NumGC)
	out.heap_bytes = C.uint64_t(stats.HeapAlloc)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func flag(value bool) C.uint32_t {
	if value {
		return 1
	}
	return 0
}

func main() {}
