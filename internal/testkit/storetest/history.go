package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/taeldb/tael"
)

// step is one thing that happens to a store. It holds its data, so that a history from which steps are taken out still has a meaning.
type step struct {
	do     string // "append", "flush", "restart", "trace", "spans", "traces"
	tenant string
	append []tael.Span
	trace  tael.TraceID
	spans  tael.SpanQuery
	traces tael.TraceQuery
}

func (s step) String() string {
	switch s.do {
	case "append":
		var b strings.Builder
		fmt.Fprintf(&b, "append to %s:", s.tenant)
		for i := range s.append {
			if i == 10 {
				fmt.Fprintf(&b, " and %d more", len(s.append)-i)
				break
			}
			x := &s.append[i]
			fmt.Fprintf(&b, " %s/%s/%d[%d,%d]", x.TraceID, x.SpanID, x.Kind, x.Start, x.End)
		}
		return b.String()
	case "trace":
		return fmt.Sprintf("trace of %s: %s", s.tenant, s.trace)
	case "spans":
		return fmt.Sprintf("spans of %s: %s, limit %d", s.tenant, describe(&s.spans.Filter, s.spans.Sort), s.spans.Limit)
	case "traces":
		return fmt.Sprintf("traces of %s: %s, limit %d, full %t", s.tenant, describe(&s.traces.Filter, s.traces.Sort), s.traces.Limit, s.traces.Full)
	}
	return s.do
}

// client is what one tenant has sent.
type client struct {
	tenant string
	gen    *Generator
	sent   []tael.Span
	late   []tael.Span // made, but held back
}

// newHistory makes n random steps, and after them a look at everything.
func newHistory(rng *rand.Rand, n int) []step {
	clients := []*client{{tenant: tael.DefaultTenant, gen: NewGenerator(rng)}, {tenant: "other.tenant", gen: NewGenerator(rng)}}
	var steps []step
	for range n {
		c := clients[max(0, rng.IntN(4)-2)]
		switch at := rng.IntN(100); {
		case at < 55:
			steps = append(steps, step{do: "append", tenant: c.tenant, append: c.request(rng)})
		case at < 61:
			steps = append(steps, step{do: "flush"})
		case at < 64:
			steps = append(steps, step{do: "restart"})
		default:
			steps = append(steps, c.ask(rng))
		}
	}
	for _, c := range clients {
		asked := map[tael.TraceID]bool{}
		for _, s := range c.sent {
			if !asked[s.TraceID] {
				asked[s.TraceID] = true
				steps = append(steps, step{do: "trace", tenant: c.tenant, trace: s.TraceID})
			}
		}
		for sort := tael.SortTime; sort <= tael.SortDuration; sort++ {
			steps = append(steps, step{do: "spans", tenant: c.tenant, spans: tael.SpanQuery{Sort: sort, Limit: 97}},
				step{do: "traces", tenant: c.tenant, traces: tael.TraceQuery{Sort: sort, Limit: 13, Full: sort == tael.SortTime}})
		}
	}
	return steps
}

// request makes the spans of one request: new ones, some late, some sent again, some changed. No identity comes twice in it
// with different content, because which of two versions that end together counts is only defined between requests.
func (c *client) request(rng *rand.Rand) []tael.Span {
	var out []tael.Span
	in := map[tael.Identity]bool{}
	add := func(s tael.Span) {
		if !in[s.Identity()] {
			in[s.Identity()] = true
			out = append(out, s)
		}
	}
	for range 1 + rng.IntN(1+rng.IntN(30)) {
		switch at := rng.IntN(10); {
		case at == 0:
			c.late = append(c.late, c.gen.Span())
			continue
		case at == 1 && len(c.late) > 0:
			i := rng.IntN(len(c.late))
			add(c.late[i])
			c.late[i] = c.late[len(c.late)-1]
			c.late = c.late[:len(c.late)-1]
		case at <= 3 && len(c.sent) > 0:
			add(c.sent[rng.IntN(len(c.sent))]) // a retry, of whatever version
		case at == 4 && len(c.sent) > 0:
			s := c.sent[rng.IntN(len(c.sent))]
			kind := s.Kind
			c.gen.Fill(&s)
			s.Kind = kind
			switch rng.IntN(3) {
			case 0:
				s.End += uint64(1+rng.IntN(3)) * uint64(time.Second)
			case 1:
				s.End--
			}
			add(s)
		default:
			add(c.gen.Span())
		}
	}
	if len(out) == 0 {
		out = append(out, c.gen.Span())
	}
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	c.sent = append(c.sent, out...)
	return out
}

func (c *client) ask(rng *rand.Rand) step {
	f := RandomFilter(rng, c.sent)
	sort, limit := tael.Sort(rng.IntN(2)), 1+rng.IntN(1+rng.IntN(60))
	if len(c.sent) > 50 {
		limit += 10 // so that a walk has few pages
	}
	switch rng.IntN(3) {
	case 0:
		s := step{do: "trace", tenant: c.tenant, trace: tael.TraceID{1: 0xff}}
		if len(c.sent) > 0 && rng.IntN(10) > 0 {
			s.trace = c.sent[rng.IntN(len(c.sent))].TraceID
		}
		return s
	case 1:
		return step{do: "spans", tenant: c.tenant, spans: tael.SpanQuery{Filter: f, Sort: sort, Limit: limit}}
	}
	return step{do: "traces", tenant: c.tenant, traces: tael.TraceQuery{Filter: f, Sort: sort, Limit: limit, Full: rng.IntN(2) == 0}}
}

// play runs a history on a store and a model. It gives the step that went wrong.
func play(ctx context.Context, h Harness, steps []step) (at int, err error) {
	m := NewModel()
	for i, s := range steps {
		switch s.do {
		case "append":
			if err = Append(ctx, h, s.tenant, s.append); err == nil {
				m.Append(s.tenant, s.append)
			}
		case "flush":
			err = h.Flush(ctx)
		case "restart":
			err = h.Restart(ctx)
		case "trace":
			err = CheckTrace(ctx, h, m, s.tenant, s.trace)
		case "spans":
			err = CheckSpans(ctx, h, m, s.tenant, s.spans)
		case "traces":
			err = CheckTraces(ctx, h, m, s.tenant, s.traces)
		}
		if err != nil {
			return i, err
		}
	}
	return len(steps), nil
}

// Seeds are n fixed seeds; with TAEL_TEST_LONG=1 as many from the clock, for a search that goes on.
func Seeds(n int) []uint64 {
	base := uint64(1)
	if os.Getenv("TAEL_TEST_LONG") == "1" {
		base = uint64(time.Now().UnixNano())
	}
	seeds := make([]uint64, n)
	for i := range seeds {
		seeds[i] = base + uint64(i)
	}
	return seeds
}
