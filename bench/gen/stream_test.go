package gen

import (
	"encoding/hex"
	"runtime"
	"testing"
	"time"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"
)

type seen struct {
	span    *trace.Span
	service string
	request int
}

// collect keys every span of the load by its trace and span id.
func collect(t *testing.T, g *Generator) map[string]seen {
	t.Helper()
	all := map[string]seen{}
	n := 0
	for r := range g.Requests() {
		ids := map[string]bool{}
		for _, ref := range r.Refs {
			tid, sid := g.TraceID(int(ref.Trace)), g.SpanID(int(ref.Trace), int(ref.Span))
			ids[hex.EncodeToString(tid[:])+hex.EncodeToString(sid[:])] = true
		}
		for _, rs := range decode(t, r).ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				for _, sp := range ss.Spans {
					key := hex.EncodeToString(sp.TraceId) + hex.EncodeToString(sp.SpanId)
					if !ids[key] {
						t.Fatalf("request %d holds span %s, which its references do not name", n, key)
					}
					if _, ok := all[key]; ok {
						t.Fatalf("span %s is in the load twice", key)
					}
					all[key] = seen{span: sp, service: attribute(rs.Resource.Attributes, "service.name").GetStringValue(), request: n}
				}
			}
		}
		n++
	}
	return all
}

func TestTraceSaysWhatWasSent(t *testing.T) {
	for _, direct := range []bool{false, true} {
		g := newGenerator(t, func(o *Options) { o.Spans = 5003; o.Direct = direct })
		all := collect(t, g)
		if len(all) != 5003 {
			t.Fatalf("the load holds %d spans, want 5003", len(all))
		}
		for i := range g.Traces() {
			tr := g.Trace(i)
			if len(tr.Spans) != g.TraceSpans(i) {
				t.Fatalf("trace %d has %d spans, TraceSpans says %d", i, len(tr.Spans), g.TraceSpans(i))
			}
			for j, want := range tr.Spans {
				key := hex.EncodeToString(tr.ID[:]) + hex.EncodeToString(want.ID[:])
				got, ok := all[key]
				if !ok {
					t.Fatalf("span %d of trace %d was not sent", j, i)
				}
				delete(all, key)
				compare(t, tr, j, got)
			}
		}
		if len(all) != 0 {
			t.Errorf("%d spans were sent that no trace holds", len(all))
		}
	}
}

func compare(t *testing.T, tr Trace, j int, got seen) {
	t.Helper()
	want, sp := tr.Spans[j], got.span
	var parent [8]byte
	copy(parent[:], sp.ParentSpanId)
	text := func(key string) string { return attribute(sp.Attributes, key).GetStringValue() }
	if sp.Name != want.Name || int(sp.Kind) != want.Kind || parent != want.ParentID || got.service != want.Service ||
		sp.StartTimeUnixNano != uint64(want.Start.UnixNano()) || sp.EndTimeUnixNano != uint64(want.End.UnixNano()) ||
		(sp.Status.GetCode() == trace.Status_STATUS_CODE_ERROR) != want.Failed || text("gen_ai.request.model") != want.Model {
		t.Fatalf("span %d of trace %d is %v of %s, want %+v", j, tr.Index, sp, got.service, want)
	}
	if j == 0 && (text("user.id") != tr.UserID || text("session.id") != tr.SessionID) {
		t.Fatalf("trace %d: user %q and session %q, want %q and %q", tr.Index, text("user.id"), text("session.id"), tr.UserID, tr.SessionID)
	}
	if j == 1 && (text("app.order.id") != tr.OrderID || text("gen_ai.conversation.id") != tr.ConversationID) {
		t.Fatalf("trace %d: order %q, want %q", tr.Index, text("app.order.id"), tr.OrderID)
	}
	if j > 0 && want.ParentID != tr.Spans[0].ID && !contains(tr, want) {
		t.Fatalf("span %d of trace %d is not within its parent", j, tr.Index)
	}
}

func contains(tr Trace, child Span) bool {
	for _, p := range tr.Spans {
		if p.ID == child.ParentID {
			return !child.Start.Before(p.Start) && !child.End.After(p.End)
		}
	}
	return false
}

func TestTracesStartBetweenStartAndEnd(t *testing.T) {
	g := newGenerator(t, nil)
	last := g.start
	for i := range g.Traces() {
		at := g.traceStart(i)
		if at < last || at > uint64(g.opts.End.UnixNano()) {
			t.Fatalf("trace %d starts at %d, after %d and before %s expected", i, at, last, g.opts.End)
		}
		last = at
	}
	if gap := time.Duration(uint64(g.opts.End.UnixNano()) - last); gap > 10*time.Second {
		t.Errorf("the last trace starts %s before the end", gap)
	}
}

func TestCollectorSendsInOrderOfEnd(t *testing.T) {
	g := newGenerator(t, func(o *Options) { o.Spans = 20_000 })
	var last uint64
	touched := map[uint32]int{}
	requests := 0
	for r := range g.Requests() {
		high, inRequest := last, map[uint32]bool{}
		for _, ref := range r.Refs {
			var s shape
			s.draw(g, int(ref.Trace))
			if at := s.spans[ref.Span].end; at < last {
				t.Fatalf("request %d holds a span that ended before the one before it", requests)
			} else if at > high {
				high = at
			}
			inRequest[ref.Trace] = true
		}
		for tr := range inRequest {
			touched[tr]++
		}
		last = high
		requests++
	}
	total := 0
	for _, n := range touched {
		total += n
	}
	if mean := float64(total) / float64(len(touched)); mean < 1.1 {
		t.Errorf("a trace is in %.2f requests, want it spread over more than one", mean)
	}
}

func TestDirectRequests(t *testing.T) {
	for _, per := range []int{512, 2, 1} {
		g := newGenerator(t, func(o *Options) { o.Spans = 100_000; o.Direct = true; o.SpansPerRequest = per })
		requests := 0
		for r := range g.Requests() {
			requests++
			if r.Spans > per {
				t.Fatalf("a request holds %d spans, want at most %d", r.Spans, per)
			}
			perTrace := map[uint32]int{}
			for _, ref := range r.Refs {
				if perTrace[ref.Trace]++; perTrace[ref.Trace] > 2 {
					t.Fatalf("a request holds more than two spans of trace %d", ref.Trace)
				}
			}
			if requests > 50 {
				continue // decoding every one would only take time
			}
			if n := len(decode(t, r).ResourceSpans); n != 1 {
				t.Fatalf("a request has %d resources, want 1", n)
			}
		}
		t.Logf("%d spans a request at most: %.1f on average", per, 100_000/float64(requests))
	}
}

func TestSameUserIsShared(t *testing.T) {
	g := newGenerator(t, nil)
	users, orders := map[string][]int{}, map[string][]int{}
	for i := range g.Traces() {
		tr := g.Trace(i)
		users[tr.UserID] = append(users[tr.UserID], i)
		orders[tr.OrderID] = append(orders[tr.OrderID], i)
	}
	for i := range g.Traces() {
		tr, want := g.Trace(i), g.SameUser(i)
		for _, got := range [][]int{users[tr.UserID], orders[tr.OrderID]} {
			if len(got) != len(want) || got[0] != want[0] || got[len(got)-1] != want[len(want)-1] {
				t.Fatalf("trace %d shares its user with %v, want %v", i, got, want)
			}
		}
	}
}

func TestStopsWhenToldTo(t *testing.T) {
	for _, direct := range []bool{false, true} {
		g := newGenerator(t, func(o *Options) { o.Direct = direct })
		n := 0
		for range g.Requests() {
			if n++; n == 3 {
				break
			}
		}
		if n != 3 {
			t.Errorf("%d requests, want to stop at 3", n)
		}
	}
}

func TestMemoryIsFlat(t *testing.T) {
	g := newGenerator(t, func(o *Options) { o.Spans = 400_000 })
	var most uint64
	n := 0
	for range g.Requests() {
		if n++; n%200 == 0 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
	}
	if most > 24<<20 {
		t.Errorf("%d MiB live while generating, want at most 24", most>>20)
	}
}

func TestOptionsListEveryProblem(t *testing.T) {
	_, err := New(Options{Start: time.Unix(0, 0), End: time.Unix(-1, 0)})
	if err == nil {
		t.Fatal("options without sense are taken")
	}
	joined, ok := err.(interface{ Unwrap() error }).Unwrap().(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != 4 {
		t.Errorf("want four problems, have: %v", err)
	}
}

func BenchmarkRequests(b *testing.B) {
	for _, direct := range []bool{false, true} {
		name := "collector"
		if direct {
			name = "direct"
		}
		b.Run(name, func(b *testing.B) {
			g := newGenerator(b, func(o *Options) { o.Spans = 200_000; o.Direct = direct })
			b.ReportAllocs()
			bytes, spans := 0, 0
			for b.Loop() {
				for r := range g.Requests() {
					bytes += len(r.Body)
					spans += r.Spans
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(spans), "ns/span")
			b.ReportMetric(float64(bytes)/float64(spans), "B/span")
		})
	}
}
