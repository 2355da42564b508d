package storetest

import (
	"context"
	"fmt"

	"github.com/taeldb/tael"
)

// CheckEither checks that every span of a tenant is there once, as in the one model or as in the other, and that all of the one are there. sure
// has what was acknowledged, all also what was on its way when the store died.
func CheckEither(ctx context.Context, store tael.Store, tenant string, sure, all *Model) error {
	everything := func(*tael.Span) bool { return true }
	want, may := map[tael.Identity]tael.Span{}, map[tael.Identity]tael.Span{}
	for _, s := range sure.All(tenant, everything) {
		want[s.Identity()] = s
	}
	for _, s := range all.All(tenant, everything) {
		may[s.Identity()] = s
	}
	seen := map[tael.Identity]bool{}
	q := tael.SpanQuery{Limit: tael.MaxLimit}
	for {
		page, err := store.Spans(ctx, tenant, q)
		if err != nil {
			return err
		}
		if page.Partial {
			return fmt.Errorf("partial: %q", page.Missing)
		}
		for i := range page.Spans {
			got := &page.Spans[i]
			id := got.Identity()
			if seen[id] {
				return fmt.Errorf("span %v of tenant %s is there twice", id, tenant)
			}
			seen[id] = true
			a, b := want[id], may[id]
			if d := Diff(got, &b); d != "" && Diff(got, &a) != "" {
				return fmt.Errorf("span %v of tenant %s: %s", id, tenant, d)
			}
		}
		if q.Cursor = page.NextCursor; q.Cursor == "" {
			break
		}
	}
	for id := range want {
		if !seen[id] {
			return fmt.Errorf("span %v of tenant %s was acknowledged and is lost; %d of %d are there", id, tenant, len(seen), len(want))
		}
	}
	return nil
}
