package query

import (
	"fmt"
	"slices"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// plan is a checked list query.
type plan struct {
	filter  tael.Filter // as asked
	scan    tael.Filter // filter, narrowed to what can come after the cursor
	sort    tael.Sort
	limit   int
	query   []byte // what a cursor is bound to
	after   *key   // nil on the first page
	terms   [][]uint64
	columns fragment.Columns
}

// newPlan checks a query and works out what its scans need. The error is a tael.ErrInvalid.
func newPlan(list, tenant string, f tael.Filter, sort tael.Sort, limit int, cursor string) (*plan, error) {
	if sort > tael.SortDuration {
		return nil, fmt.Errorf("sort %d: %w: want time or duration", sort, tael.ErrInvalid)
	}
	if limit == 0 {
		limit = tael.DefaultLimit
	}
	if limit < 0 || limit > tael.MaxLimit {
		return nil, fmt.Errorf("limit %d: %w: want 1 to %d", limit, tael.ErrInvalid, tael.MaxLimit)
	}
	if f.From != 0 && f.To != 0 && f.From > f.To {
		return nil, fmt.Errorf("time range: %w: from %d is after to %d", tael.ErrInvalid, f.From, f.To)
	}
	f.Attributes = slices.Clone(f.Attributes)
	for i, m := range f.Attributes {
		if m.Op > tael.MatchLessEqual {
			return nil, fmt.Errorf("attribute condition on %q: %w: operator %d is not known", m.Key, tael.ErrInvalid, m.Op)
		}
		made, err := tael.NewMatch(m.Key, m.Op, m.Want) // a literal has no prepared pattern or number
		if err != nil {
			return nil, err
		}
		f.Attributes[i] = made
	}
	p := &plan{filter: f, scan: f, sort: sort, limit: limit, query: fingerprint(list, tenant, sort, &f)}
	if cursor != "" {
		k, err := parseCursor(p.query, cursor)
		if err != nil {
			return nil, err
		}
		p.after = &k
		p.narrow(k)
	}
	p.terms = fragment.FilterTerms(&p.scan)
	p.columns = fragment.Columns{Service: f.Service != "", Name: f.Operation != "", Status: f.Status != nil, End: true}
	for _, m := range f.Attributes {
		if !slices.Contains(p.columns.Attributes, m.Key) {
			p.columns.Attributes = append(p.columns.Attributes, m.Key)
		}
	}
	return p, nil
}

// narrow leaves out of the scan what comes before the cursor by its sort key alone.
func (p *plan) narrow(k key) {
	switch p.sort {
	case tael.SortTime:
		if to := k.first + 1; to != 0 && (p.scan.To == 0 || to < p.scan.To) { // to is 0 when nothing can be left out
			p.scan.To = to
		}
	case tael.SortDuration:
		if p.scan.MaxDuration == nil || k.first < *p.scan.MaxDuration {
			longest := k.first
			p.scan.MaxDuration = &longest
		}
	}
}

// timeless reports whether the query is over all time, which is answered in parts when it is over its scan budget.
func (p *plan) timeless() bool { return p.filter.From == 0 && p.filter.To == 0 }
