package main

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/taeldb/tael/bench/gen"
)

// known is a span that the demo knows to be stored, from the generator, without asking taeld.
type known struct {
	gen.Span
	trace [16]byte
}

func (k known) duration() time.Duration { return k.End.Sub(k.Start) }

// allSpans lists the spans of a whole generated load.
func allSpans(g *gen.Generator) []known {
	var out []known
	for i := range g.Traces() {
		t := g.Trace(i)
		for _, s := range t.Spans {
			out = append(out, known{s, t.ID})
		}
	}
	return out
}

// search is a question with filters, and how the demo finds the answer by looking at every span.
type search struct {
	what  string
	query url.Values
	limit int
	match func(known) bool
	// longest sorts by duration instead of by time.
	longest bool
}

// searches are the questions about the generated load.
func searches(g *gen.Generator) []search {
	model := "gpt-5"
	owner := g.Traces() / 3
	return []search{
		{what: "newest 20 of agent-runtime that took 2 s or more",
			query: url.Values{"service": {"agent-runtime"}, "min_duration_ms": {"2000"}}, limit: 20,
			match: func(k known) bool { return k.Service == "agent-runtime" && k.duration() >= 2*time.Second }},
		{what: "newest 20 failures of orders-api",
			query: url.Values{"service": {"orders-api"}, "status": {"error"}}, limit: 20,
			match: func(k known) bool { return k.Service == "orders-api" && k.Failed }},
		{what: "longest 10 calls of the model " + model,
			query: url.Values{"attribute": {"gen_ai.request.model=" + model}, "sort": {"duration"}}, limit: 10, longest: true,
			match: func(k known) bool { return k.Model == model }},
		{what: "newest 20 requests with \"refund\" in the name that orders-api got",
			query: url.Values{"service": {"orders-api"}, "operation": {"refund"}, "kind": {"server"}}, limit: 20,
			match: func(k known) bool {
				return k.Service == "orders-api" && k.Kind == 2 && strings.Contains(k.Name, "refund")
			}},
		{what: "what user " + g.Trace(owner).UserID + " did",
			query: url.Values{"attribute": {"user.id=" + g.Trace(owner).UserID}}, limit: 20, match: byTraces(g, 0, g.SameUser(owner))},
		{what: "what happened to " + g.Trace(owner).OrderID + " (a key without a column of its own)",
			query: url.Values{"attribute": {"app.order.id=" + g.Trace(owner).OrderID}}, limit: 20, match: byTraces(g, 1, g.SameUser(owner))},
	}
}

// byTraces matches span number span of each of the traces.
func byTraces(g *gen.Generator, span int, traces []int) func(known) bool {
	ids := map[[8]byte]bool{}
	for _, t := range traces {
		ids[g.SpanID(t, span)] = true
	}
	return func(k known) bool { return ids[k.ID] }
}

// answer is what taeld must say, in order.
func (s search) answer(all []known) []known {
	var out []known
	for _, k := range all {
		if s.match(k) {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b known) int {
		if s.longest && a.duration() != b.duration() {
			return cmp.Compare(b.duration(), a.duration())
		}
		return cmp.Or(b.Start.Compare(a.Start), bytes.Compare(a.trace[:], b.trace[:]), bytes.Compare(a.ID[:], b.ID[:]))
	})
	return out[:min(len(out), s.limit)]
}

// differs says how a row is not the span that was expected, "" if it is.
func differs(r row, k known) string {
	status := "unset"
	if k.Failed {
		status = "error"
	}
	switch {
	case r.TraceID != fmt.Sprintf("%x", k.trace) || r.SpanID != fmt.Sprintf("%x", k.ID):
		return fmt.Sprintf("is span %s/%s, want %x/%x", r.TraceID, r.SpanID, k.trace, k.ID)
	case r.Service != k.Service || r.Operation != k.Name:
		return fmt.Sprintf("is %s %q, want %s %q", r.Service, r.Operation, k.Service, k.Name)
	case !r.Start.Equal(k.Start) || math.Abs(r.DurationMS-float64(k.duration())/1e6) > 1e-6:
		return fmt.Sprintf("starts %s and takes %v ms, want %s and %v", r.Start, r.DurationMS, k.Start, k.duration())
	case r.Status != status:
		return fmt.Sprintf("has status %s, want %s", r.Status, status)
	}
	return ""
}
