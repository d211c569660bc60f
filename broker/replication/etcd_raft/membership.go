package main

/*
#include "shim.h"
*/
import "C"

import (
	"unsafe"

	pb "go.etcd.io/etcd/raft/raftpb"
)

// Membership entries are of raft's first kind: one change each, never a joint configuration, and the
// only kind this version of the core looks for before it stands for election.

//export er_make_change
func er_make_change(kind C.uint32_t, id C.uint64_t, out unsafe.Pointer, room C.uint32_t) C.uint32_t {
	change := pb.ConfChange{Type: pb.ConfChangeType(kind), NodeID: uint64(id)}
	bytes, err := change.Marshal()
	must(err)
	if len(bytes) > int(room) {
		return 0
	}
	return C.uint32_t(copy(unsafe.Slice((*byte)(out), int(room)), bytes))
}

//export er_read_change
func er_read_change(bytes unsafe.Pointer, length C.uint32_t, kind *C.uint32_t, id *C.uint64_t) C.uint32_t {
	var change pb.ConfChange
	if change.Unmarshal(C.GoBytes(bytes, C.int(length))) != nil {
		return 0
	}
	*kind, *id = C.uint32_t(change.Type), C.uint64_t(change.NodeID)
	return 1
}

//export er_apply_conf
func er_apply_conf(number C.int, kind C.uint32_t, id C.uint64_t, ids *C.uint64_t, room C.uint32_t, counts *C.uint32_t) {
	g := groups[number]
	g.log.members = *g.raw.ApplyConfChange(pb.ConfChange{Type: pb.ConfChangeType(kind), NodeID: uint64(id)})
	list, numbers := unsafe.Slice(ids, int(room)), unsafe.Slice(counts, 2)
	numbers[0] = C.uint32_t(putIds(list, g.log.members.Voters))
	numbers[1] = C.uint32_t(putIds(list[numbers[0]:], g.log.members.Learners))
}

func putIds(to []C.uint64_t, ids []uint64) int {
	if len(ids) > len(to) {
		panic("more members than there is room for")
	}
	for i, id := range ids {
		to[i] = C.uint64_t(id)
	}
	return len(ids)
}

func membersOf(from *C.er_snap) pb.ConfState {
	voters, all := int(from.voters), int(from.voters)+int(from.learners)
	if all == 0 {
		return pb.ConfState{}
	}
	ids := append([]uint64(nil), unsafe.Slice((*uint64)(pointer(&from.ids)), all)...)
	return pb.ConfState{Voters: ids[:voters:voters], Learners: ids[voters:]}
}

func snapshotOf(from *C.er_snap) pb.SnapshotMetadata {
	return pb.SnapshotMetadata{Index: uint64(from.index), Term: uint64(from.term), ConfState: membersOf(from)}
}
