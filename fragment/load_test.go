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
