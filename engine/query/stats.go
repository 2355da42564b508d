package query

import (
	"context"
	"fmt"

	"github.com/taeldb/tael"
)

// Stats sums up what the sources hold of a tenant.
func (e *Engine) Stats(ctx context.Context, v View, tenant string) (*tael.Stats, error) {
	ctx, cancel, r, err := e.begin(ctx, v, tenant)
	defer cancel()
	s := &tael.Stats{TracesExact: true}
	places := 0
	for _, src := range v.Sources {
		if err != nil {
			break
		}
		traces := s.Traces
		if err = r.missing.note(src.Name, src.Source.Stats(ctx, tenant, s)); err != nil {
			err = fmt.Errorf("%s: %w", src.Name, err)
		}
		if s.Traces > traces {
			places++
		}
	}
	if err := r.finish("stats", err); err != nil {
		return nil, err
	}
	s.TracesExact = s.TracesExact && places <= 1
	s.Spans = s.HotSpans + s.ColdSpans
	s.Coverage = r.coverage(false, false)
	return s, nil
}
