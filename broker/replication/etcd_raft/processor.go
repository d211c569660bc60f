package main

import (
	"runtime"
	"strings"
	"sync/atomic"
	"time"
	_ "unsafe" // for go:linkname
)

// processor is the head of what Go's scheduler knows of a processor, as go1.19 lays it out.
type processor struct {
	id     int32
	status uint32
	link   uintptr
	turns  uint32 // schedtick
}

//go:linkname processors runtime.allp
var processors []*processor

var processorsKnown = strings.HasPrefix(runtime.Version(), "go1.19.")

const (
	look   = time.Second // so long work is counted, in calls that bring entries
	busyAt = 100
	calmAt = 50
)

var (
	lookedAt = time.Now()
	works    int
	busy     bool
)

// keepProcessor lets the scheduler see that its processor has work while there is much of it. The
// scheduler's watchman takes a processor away from whoever is in C for longer than 20 us, and is woken
// by the next call in: a futex call in each cycle and a thread that wakes as often, 4 % of a processor
// for nothing. He lets be, for 10 ms, whom he sees taking turns while another processor is idle; a
// goroutine that lives in C and calls in takes none, so they are counted here. Whoever does little is
// better off without: the watchman would look for 10 ms after each call. One thread calls.
func keepProcessor(worksNow bool) {
	if !processorsKnown {
		return
	}
	if worksNow {
		works++
	}
	if now := time.Now(); now.Sub(lookedAt) > look {
		lookAtWork()
		lookedAt = now
	}
	if busy {
		for _, p := range processors {
			atomic.AddUint32(&p.turns, 1)
		}
	}
}

func lookAtWork() {
	if !busy && works >= busyAt {
		busy = true
		runtime.GOMAXPROCS(2)
	} else if busy && works < calmAt {
		busy = false
		runtime.GOMAXPROCS(1)
	}
	works = 0
}
