package main

/*
#include "shim.h"
*/
import "C"

import (
	"encoding/binary"
	"unsafe"

	"go.etcd.io/etcd/raft"
	pb "go.etcd.io/etcd/raft/raftpb"
)

const tokenBytes = 24

// er_cycle is the hot call: acknowledge the last output, feed every input, give all there is to do.
//
//export er_cycle
func er_cycle(number C.int, in *C.er_in) *C.er_out {
	keepProcessor(in.n_proposals > 0 || in.n_msg_entries > 0)
	g := groups[number]
	if in.advance != 0 && g.pending {
		g.raw.Advance(g.ready)
		g.ready, g.pending = raft.Ready{}, false
	}
	g.out.clear()
	for i := C.uint32_t(0); i < in.ticks; i++ {
		g.raw.Tick()
	}
	for i := C.uint32_t(0); i < in.quiesced_ticks; i++ {
		g.raw.TickQuiesced()
	}
	if in.campaign != 0 {
		_ = g.raw.Campaign() // refused where this node is no voter, or has changes to apply
	}
	g.step(in)
	if in.transfer_to != 0 && g.leads() {
		g.raw.TransferLeader(uint64(in.transfer_to))
	}
	g.propose(in)
	g.read(in)
	if g.pending || !g.raw.HasReady() {
		return g.out.c
	}
	g.ready, g.pending = g.raw.Ready(), true
	if !raft.IsEmptySnap(g.ready.Snapshot) {
		g.log.restore(g.ready.Snapshot.Metadata)
	}
	// Raft's core looks at these only once they are advanced, when C++ has made them durable.
	g.log.append(g.ready.Entries)
	g.out.fill(&g.ready, g.raw.BasicStatus())
	return g.out.c
}

func (g *group) leads() bool { return g.raw.BasicStatus().RaftState == raft.StateLeader }

func (g *group) step(in *C.er_in) {
	if in.n_msgs == 0 {
		return
	}
	msgs := unsafe.Slice(in.msgs, int(in.n_msgs))
	for i := range msgs {
		if g.raw.Step(messageOf(&msgs[i], in.msg_entries)) != nil {
			g.out.c.step_errors++
		}
	}
}

func messageOf(from *C.er_msg, entries *C.er_entry) pb.Message {
	msg := pb.Message{
		Type: pb.MessageType(from._type), Reject: from.reject != 0,
		To: uint64(from.to), From: uint64(from.from),
		Term: uint64(from.term), LogTerm: uint64(from.log_term),
		Index: uint64(from.index), Commit: uint64(from.commit), RejectHint: uint64(from.reject_hint),
	}
	if from.entries > 0 {
		at := unsafe.Add(unsafe.Pointer(entries), uintptr(from.entries_offset)*C.sizeof_er_entry)
		msg.Entries = entriesOf(at, int(from.entries))
	}
	if from.context_len > 0 {
		msg.Context = C.GoBytes(unsafe.Pointer(&from.context[0]), C.int(from.context_len))
	}
	if from.snap.index > 0 {
		msg.Snapshot.Metadata = snapshotOf(&from.snap)
	}
	return msg
}

// propose appends all entries or none.
func (g *group) propose(in *C.er_in) {
	if in.n_proposals == 0 {
		return
	}
	entries := entriesOf(unsafe.Pointer(in.proposals), int(in.n_proposals))
	if g.raw.Step(pb.Message{Type: pb.MsgProp, Entries: entries}) != nil {
		g.out.c.proposals_dropped = in.n_proposals
	}
}

// read asks on the leader only: a follower would pass the question on.
func (g *group) read(in *C.er_in) {
	if in.n_reads == 0 {
		return
	}
	if !g.leads() {
		g.out.c.reads_dropped = in.n_reads
		return
	}
	tokens := unsafe.Slice(in.reads, int(in.n_reads))
	for i := range tokens {
		context := make([]byte, tokenBytes)
		binary.LittleEndian.PutUint64(context, uint64(tokens[i].node))
		binary.LittleEndian.PutUint64(context[8:], uint64(tokens[i].boot))
		binary.LittleEndian.PutUint64(context[16:], uint64(tokens[i].number))
		g.raw.ReadIndex(context)
	}
}

func tokenOf(context []byte) C.er_token {
	return C.er_token{
		node:   C.uint64_t(binary.LittleEndian.Uint64(context)),
		boot:   C.uint64_t(binary.LittleEndian.Uint64(context[8:])),
		number: C.uint64_t(binary.LittleEndian.Uint64(context[16:])),
	}
}
