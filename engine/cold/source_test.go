package cold

import (
	"testing"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/internal/testkit/sourcetest"
)

// TestViewIsASource runs the suite of every query.Source on a table of several commits. As a flush does, it stores only the newest version of a span.
func TestViewIsASource(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T, spans map[string][]tael.Span) query.Source {
		table, _ := newTable(t)
		counter := uint64(0)
		for tenant, of := range spans {
			newest := map[tael.Identity]tael.Span{}
			for i, s := range of {
				s.Sequence = uint64(i + 1)
				if old, ok := newest[s.Identity()]; !ok || s.Version().Compare(old.Version()) > 0 {
					newest[s.Identity()] = s
				}
			}
			parts := make([][]tael.Span, 3) // one commit each
			for _, s := range newest {
				parts[s.Sequence%3] = append(parts[s.Sequence%3], s)
			}
			for _, part := range parts {
				counter++
				x, err := table.Begin(t.Context(), nodeA, counter)
				if err != nil {
					t.Fatal(err)
				}
				if err := appendSpans(t.Context(), x, tenant, part); err != nil {
					t.Fatal(err)
				}
				if _, err := x.Commit(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		view := table.View()
		t.Cleanup(view.Release)
		return view
	})
}
