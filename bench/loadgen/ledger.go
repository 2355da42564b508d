package loadgen

import (
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/taeldb/tael/bench/gen"
)

// recentTraces is how many traces the ledger knows the order of acknowledgement of.
const recentTraces = 4096

// Ledger remembers which spans of a load the server has acknowledged: one bit a span, four bytes a
// trace. Any number of goroutines may use it, and several runs may write to one.
type Ledger struct {
	gen    *gen.Generator
	traces []atomic.Uint32 // bit j: span j is acknowledged
	spans  atomic.Int64

	mu     sync.Mutex
	recent [recentTraces]uint32
	seen   int // traces ever written to recent
}

// NewLedger is an empty ledger for the load of g.
func NewLedger(g *gen.Generator) *Ledger {
	return &Ledger{gen: g, traces: make([]atomic.Uint32, g.Traces())}
}

// Generator is the one whose load the ledger is about.
func (l *Ledger) Generator() *gen.Generator { return l.gen }

// Ack notes that the spans are acknowledged. A span that is acknowledged again counts once.
func (l *Ledger) Ack(refs []gen.Ref) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range refs {
		bit := uint32(1) << r.Span
		if l.traces[r.Trace].Or(bit)&bit == 0 {
			l.spans.Add(1)
		}
		if l.seen == 0 || l.recent[(l.seen-1)%recentTraces] != r.Trace {
			l.recent[l.seen%recentTraces] = r.Trace
			l.seen++
		}
	}
}

// Spans is the number of spans acknowledged.
func (l *Ledger) Spans() int { return int(l.spans.Load()) }

// Acked says which spans of a trace are acknowledged: bit j for span j.
func (l *Ledger) Acked(trace int) uint32 { return l.traces[trace].Load() }

// Complete says whether all spans of a trace are acknowledged.
func (l *Ledger) Complete(trace int) bool {
	return bits.OnesCount32(l.Acked(trace)) == l.gen.TraceSpans(trace)
}

// Traces lists the traces of which at least one span is acknowledged.
func (l *Ledger) Traces() []int {
	var out []int
	for i := range l.traces {
		if l.Acked(i) != 0 {
			out = append(out, i)
		}
	}
	return out
}

// Recent lists up to n different traces, the one acknowledged last first. A trace counts from the
// last of its spans to be acknowledged.
func (l *Ledger) Recent(n int) []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []int
	have := map[uint32]bool{}
	for i := l.seen - 1; i >= 0 && i >= l.seen-recentTraces && len(out) < n; i-- {
		if trace := l.recent[i%recentTraces]; !have[trace] {
			have[trace] = true
			out = append(out, int(trace))
		}
	}
	return out
}
