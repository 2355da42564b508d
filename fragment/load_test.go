package fragment

import (
	"testing"
	"time"

	"github.com/taeldb/tael/bench/gen"
)

// agentTime is when the load of agentRequests ends.
var agentTime = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// agentRequests makes requests as a Collector sends them that gathers the spans of programs with LLM calls.
func agentRequests(t testing.TB, spans int) [][]byte {
	t.Helper()
	o := gen.DefaultOptions(agentTime)
	o.Spans = spans
	o.Start = agentTime.Add(-time.Duration(spans) * 6 * time.Millisecond)
	g, err := gen.New(o)
	if err != nil {
		t.Fatal(err)
	}
	var bodies [][]byte
	for r := range g.Requests() {
		bodies = append(bodies, r.Body)
	}
	return bodies
}

// packed is the fragments of a load, copied.
type packed struct {
	fragments []*Fragment
	resources map[ResourceID][]byte
	spans     int
}

func (p *packed) resource(id ResourceID) ([]byte, error) { return p.resources[id], nil }

func cutAll(t testing.TB, bodies [][]byte) *packed {
	t.Helper()
	p := &packed{resources: map[ResourceID][]byte{}}
	c := NewCutter(DefaultLimits())
	for _, body := range bodies {
		batch, rejected, err := c.Cut("default", body, agentTime)
		if err != nil || rejected.Spans > 0 {
			t.Fatal(err, rejected.Message())
		}
		for _, r := range batch.Resources {
			p.resources[r.ID] = append([]byte(nil), r.Bytes...)
		}
		for _, f := range batch.Fragments {
			f.Body = append([]byte(nil), f.Body...)
			f.Terms = append([]uint64(nil), f.Terms...)
			p.fragments = append(p.fragments, &f)
			p.spans += int(f.Header.Spans)
		}
	}
	return p
}
