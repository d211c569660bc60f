package main

/*
#include "shim.h"
*/
import "C"

import (
	"unsafe"

	"go.etcd.io/etcd/raft"
	pb "go.etcd.io/etcd/raft/raftpb"
)

// array is C memory that grows and is used again every turn.
type array[T any] struct {
	at   unsafe.Pointer
	room int
}

func (a *array[T]) take(count int) []T {
	if count > a.room {
		var one T
		a.room = count + count/2 + 16
		C.free(a.at)
		a.at = C.calloc(C.size_t(a.room), C.size_t(unsafe.Sizeof(one)))
	}
	return unsafe.Slice((*T)(a.at), a.room)[:count]
}

// address of the first element, as C++ gets it; good until the next take.
func (a *array[T]) address() C.uintptr_t { return C.uintptr_t(uintptr(a.at)) }

// output is what one er_cycle gives back, in C memory.
type output struct {
	c          *C.er_out
	entries    array[C.er_entry]
	committed  array[C.er_entry]
	msgs       array[C.er_msg]
	msgEntries array[C.er_entry]
	reads      array[C.er_read]
	ids        array[C.uint64_t]
	idsUsed    int
}

func newOutput() output { return output{c: (*C.er_out)(C.calloc(1, C.sizeof_er_out))} }

func (o *output) free() {
	for _, at := range []unsafe.Pointer{o.entries.at, o.committed.at, o.msgs.at, o.msgEntries.at,
		o.reads.at, o.ids.at, unsafe.Pointer(o.c)} {
		C.free(at)
	}
}

// clear leaves an output without work.
func (o *output) clear() { *o.c = C.er_out{} }

func (o *output) fill(ready *raft.Ready, now raft.BasicStatus) {
	c := o.c
	c.has_ready, c.must_sync = 1, flag(ready.MustSync)
	c.has_hard_state = flag(!raft.IsEmptyHardState(ready.HardState))
	c.term, c.vote = C.uint64_t(ready.HardState.Term), C.uint64_t(ready.HardState.Vote)
	c.commit = C.uint64_t(ready.HardState.Commit)
	c.has_soft_state = flag(ready.SoftState != nil)
	c.leader, c.role = C.uint64_t(now.Lead), C.uint32_t(now.RaftState)
	o.makeRoomForMembers(ready)
	c.n_entries, c.n_committed = C.uint32_t(len(ready.Entries)), C.uint32_t(len(ready.CommittedEntries))
	putEntries(o.entries.take(len(ready.Entries)), ready.Entries)
	putEntries(o.committed.take(len(ready.CommittedEntries)), ready.CommittedEntries)
	o.putMessages(ready.Messages)
	o.putReads(ready.ReadStates)
	if !raft.IsEmptySnap(ready.Snapshot) {
		o.putSnapshot(&c.snap, &ready.Snapshot.Metadata)
	}
	c.entries, c.committed = o.entries.address(), o.committed.address()
}

// makeRoomForMembers comes before any snapshot is put: growing would move those that are there.
func (o *output) makeRoomForMembers(ready *raft.Ready) {
	count := memberCount(&ready.Snapshot)
	for i := range ready.Messages {
		count += memberCount(&ready.Messages[i].Snapshot)
	}
	o.ids.take(count)
	o.idsUsed = 0
}

func memberCount(snapshot *pb.Snapshot) int {
	return len(snapshot.Metadata.ConfState.Voters) + len(snapshot.Metadata.ConfState.Learners)
}

func (o *output) putSnapshot(to *C.er_snap, from *pb.SnapshotMetadata) {
	to.index, to.term = C.uint64_t(from.Index), C.uint64_t(from.Term)
	list := o.ids.take(o.ids.room)[o.idsUsed:]
	voters := putIds(list, from.ConfState.Voters)
	learners := putIds(list[voters:], from.ConfState.Learners)
	to.voters, to.learners = C.uint32_t(voters), C.uint32_t(learners)
	to.ids = o.ids.address() + C.uintptr_t(o.idsUsed*C.sizeof_uint64_t)
	o.idsUsed += voters + learners
}

func (o *output) putMessages(msgs []pb.Message) {
	entries := 0
	for i := range msgs {
		entries += len(msgs[i].Entries)
	}
	to, toEntries, offset := o.msgs.take(len(msgs)), o.msgEntries.take(entries), 0
	for i := range msgs {
		o.putMessage(&to[i], &msgs[i])
		to[i].entries_offset = C.uint32_t(offset)
		putEntries(toEntries[offset:], msgs[i].Entries)
		offset += len(msgs[i].Entries)
	}
	o.c.n_msgs, o.c.n_msg_entries = C.uint32_t(len(msgs)), C.uint32_t(entries)
	o.c.msgs, o.c.msg_entries = o.msgs.address(), o.msgEntries.address()
}

func (o *output) putMessage(to *C.er_msg, from *pb.Message) {
	*to = C.er_msg{
		_type: C.uint32_t(from.Type), reject: flag(from.Reject),
		to: C.uint64_t(from.To), from: C.uint64_t(from.From),
		term: C.uint64_t(from.Term), log_term: C.uint64_t(from.LogTerm),
		index: C.uint64_t(from.Index), commit: C.uint64_t(from.Commit),
		reject_hint: C.uint64_t(from.RejectHint), entries: C.uint32_t(len(from.Entries)),
	}
	if len(from.Context) > len(to.context) {
		panic("a message's context is too long")
	}
	to.context_len = C.uint32_t(len(from.Context))
	for i, b := range from.Context {
		to.context[i] = C.uint8_t(b)
	}
	if from.Type == pb.MsgSnap {
		o.putSnapshot(&to.snap, &from.Snapshot.Metadata)
	}
}

func (o *output) putReads(reads []raft.ReadState) {
	for i, to := 0, o.reads.take(len(reads)); i < len(reads); i++ {
		to[i].index, to[i].token = C.uint64_t(reads[i].Index), tokenOf(reads[i].RequestCtx)
	}
	o.c.n_reads, o.c.reads = C.uint32_t(len(reads)), o.reads.address()
}

// putEntries hands payloads back by the address they came with.
func putEntries(to []C.er_entry, from []pb.Entry) {
	for i := range from {
		e, d := &from[i], &to[i]
		d.term, d.index = C.uint64_t(e.Term), C.uint64_t(e.Index)
		d._type, d.len, d.data = C.uint32_t(e.Type), C.uint32_t(len(e.Data)), 0
		if len(e.Data) > 0 && unsafe.Pointer(&e.Data[0]) != cold {
			d.data = C.uintptr_t(uintptr(unsafe.Pointer(&e.Data[0])))
		}
	}
}
