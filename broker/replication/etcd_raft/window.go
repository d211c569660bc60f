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

// coldBytes bounds the payload of an entry that is read back from disk.
const coldBytes = 1 << 30

// cold is the address of every payload that only C++'s disk holds.
var cold = C.er_reserve(coldBytes)

// headsPerRead bounds one call for older entries.
const headsPerRead = 512

// firstHeads are asked for at first, then twice as many each time: a limit is often met by a few,
// and each head may cost a read of the disk.
const firstHeads = 8

type point struct{ index, term uint64 }

// window is the log as raft's core sees it: the last entries in memory, heads of older ones from C++,
// nothing up to `begin`. It implements raft.Storage.
type window struct {
	begin   point // the last place no longer in the log
	before  point // the place before entries[0]
	entries []pb.Entry
	dropped int // entries trimmed off the front of the array that `entries` shares

	hard     pb.HardState
	members  pb.ConfState // where the group starts from, and after each applied change
	snapshot pb.SnapshotMetadata
	calls    C.er_callbacks
	heads    [headsPerRead]C.er_entry
}

func (w *window) InitialState() (pb.HardState, pb.ConfState, error) { return w.hard, w.members, nil }
func (w *window) FirstIndex() (uint64, error)                       { return w.begin.index + 1, nil }
func (w *window) LastIndex() (uint64, error)                        { return w.last(), nil }

func (w *window) last() uint64 { return w.before.index + uint64(len(w.entries)) }

func (w *window) Term(index uint64) (uint64, error) {
	switch {
	case index < w.begin.index:
		return 0, raft.ErrCompacted
	case index == w.begin.index:
		return w.begin.term, nil
	case index == w.before.index:
		return w.before.term, nil
	case index > w.last():
		return 0, raft.ErrUnavailable
	case index > w.before.index:
		return w.entries[index-w.before.index-1].Term, nil
	}
	if w.readHeads(index, 1) != 1 {
		return 0, raft.ErrCompacted
	}
	return uint64(w.heads[0].term), nil
}

// Entries gives [first, end) as far as `limit` bytes reach, at least one.
func (w *window) Entries(first, end, limit uint64) ([]pb.Entry, error) {
	if first <= w.begin.index {
		return nil, raft.ErrCompacted
	}
	if end > w.last()+1 {
		return nil, raft.ErrUnavailable
	}
	if first > w.before.index {
		from := w.entries[first-w.before.index-1 : end-w.before.index-1]
		return within(from, limit), nil
	}
	return w.olderEntries(first, end, limit)
}

func (w *window) olderEntries(first, end, limit uint64) ([]pb.Entry, error) {
	var found []pb.Entry
	size := uint64(0)
	heads := uint64(firstHeads)
	for first < end && first <= w.before.index {
		stop := end
		if stop > w.before.index+1 {
			stop = w.before.index + 1
		}
		if stop > first+heads {
			stop = first + heads
		}
		count := w.readHeads(first, stop-first)
		if count == 0 {
			return nil, raft.ErrCompacted
		}
		for i := 0; i < count; i++ {
			entry := entryOf(&w.heads[i])
			if size += uint64(entry.Size()); size > limit && len(found) > 0 {
				return found, nil
			}
			found = append(found, entry)
		}
		first += uint64(count)
		if heads < headsPerRead {
			heads *= 2
		}
	}
	if first < end {
		found = append(found, w.entries[:end-first]...)
	}
	return within(found, limit), nil
}

// readHeads asks C++ for entries older than the window; the answer stays in w.heads.
func (w *window) readHeads(first, count uint64) int {
	if count > headsPerRead {
		count = headsPerRead
	}
	found := int(C.er_call_entries(&w.calls, C.uint64_t(first), &w.heads[0], C.int(count)))
	for i := 0; i < found; i++ {
		w.heads[i].index = C.uint64_t(first) + C.uint64_t(i)
		w.heads[i].data = 0
	}
	return found
}

func (w *window) Snapshot() (pb.Snapshot, error) {
	if w.snapshot.Index == 0 {
		return pb.Snapshot{}, raft.ErrSnapshotTemporarilyUnavailable
	}
	return pb.Snapshot{Metadata: w.snapshot}, nil
}

// append adds entries, replacing what stands at their indexes. Slices handed out before stay as they
// were: a cut suffix goes on in a new array.
func (w *window) append(entries []pb.Entry) {
	if len(entries) == 0 {
		return
	}
	keep := entries[0].Index - w.before.index - 1
	if entries[0].Index <= w.before.index || keep > uint64(len(w.entries)) {
		panic("entries do not continue the window")
	}
	if keep < uint64(len(w.entries)) {
		w.entries = append([]pb.Entry(nil), w.entries[:keep]...)
		w.dropped = 0
	}
	w.entries = append(w.entries, entries...)
}

// trim forgets the entries up to `through` in memory; the array is let go once most of it is dead.
func (w *window) trim(through uint64) {
	if through <= w.before.index {
		return
	}
	count := int(through - w.before.index)
	w.before = point{through, w.entries[count-1].Term}
	w.entries = w.entries[count:]
	if w.dropped += count; w.dropped > len(w.entries) {
		w.entries = append([]pb.Entry(nil), w.entries...)
		w.dropped = 0
	}
}

// restore starts the log again after a snapshot.
func (w *window) restore(snapshot pb.SnapshotMetadata) {
	w.begin = point{snapshot.Index, snapshot.Term}
	w.before, w.entries, w.dropped = w.begin, nil, 0
	w.snapshot, w.members = snapshot, snapshot.ConfState
}

func within(entries []pb.Entry, limit uint64) []pb.Entry {
	size := uint64(0)
	for i := range entries {
		if size += uint64(entries[i].Size()); size > limit && i > 0 {
			return entries[:i]
		}
	}
	return entries
}

// entryOf makes raft's entry over C++'s payload, without copying or reading it.
func entryOf(from *C.er_entry) pb.Entry {
	entry := pb.Entry{Term: uint64(from.term), Index: uint64(from.index), Type: pb.EntryType(from._type)}
	if from.len > 0 {
		at := cold
		if from.data != 0 {
			at = pointer(&from.data)
		}
		entry.Data = unsafe.Slice((*byte)(at), int(from.len))
	}
	return entry
}

func entriesOf(from unsafe.Pointer, count int) []pb.Entry {
	if count == 0 {
		return nil
	}
	entries := make([]pb.Entry, count)
	for i, list := 0, unsafe.Slice((*C.er_entry)(from), count); i < count; i++ {
		entries[i] = entryOf(&list[i])
	}
	return entries
}

// pointer reads an address of C memory that a C struct carries as a number.
func pointer(at *C.uintptr_t) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(at)) }
