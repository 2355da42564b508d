package spanfile

import (
	"context"
	"io"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/fragment"
)

// Scan gives the row groups that can have matching rows, in file order. It reads the term filters at most.
func (f *File) Scan(ctx context.Context, req query.ScanRequest, deleted Deleted) ([]*GroupScan, error) {
	if req.Filter == nil {
		req.Filter = &tael.Filter{}
	}
	var terms [][]byte
	var groups []*GroupScan
	counted := new(atomic.Bool)
	for i := range f.groups {
		if !f.groups[i].fits(req.Filter) {
			continue
		}
		if len(req.Terms) > 0 {
			if terms == nil {
				var err error
				if terms, err = f.terms(ctx, req.Meter); err != nil {
					return nil, err
				}
			}
			if !fragment.FilterMatches(terms[i], req.Terms) {
				continue
			}
		}
		groups = append(groups, &GroupScan{f: f, i: i, req: req, deleted: deleted, counted: counted})
	}
	return groups, nil
}

// fits tells whether a row with these bounds can match.
func (b *Bounds) fits(f *tael.Filter) bool {
	switch {
	case b.Rows == 0,
		f.From != 0 && b.MaxStart < f.From,
		f.To != 0 && b.MinStart >= f.To,
		b.MaxDuration < f.MinDuration,
		f.Status != nil && *f.Status == tael.StatusError && b.Errors == 0:
		return false
	}
	return true
}

// GroupScan is the scan of one row group, which gives its matching rows in one batch. It is used by one goroutine.
type GroupScan struct {
	f       *File
	i       int
	req     query.ScanRequest
	deleted Deleted
	counted *atomic.Bool // the file has been counted as read
	done    bool
}

// Bound is the largest sort key of a row that is still to come; false when nothing is left.
func (g *GroupScan) Bound(by tael.Sort) (uint64, bool) {
	if g.done {
		return 0, false
	}
	b, f := &g.f.groups[g.i].Bounds, g.req.Filter
	if by == tael.SortDuration {
		if f.MaxDuration != nil {
			return min(b.MaxDuration, *f.MaxDuration), true
		}
		return b.MaxDuration, true
	}
	if f.To != 0 {
		return min(b.MaxStart, f.To-1), true
	}
	return b.MaxStart, true
}

// Next gives the batch, whose column "row" has rows of the file; io.EOF at the end.
func (g *GroupScan) Next(ctx context.Context) (arrow.RecordBatch, error) {
	if g.done {
		return nil, io.EOF
	}
	g.done = true
	group := &g.f.groups[g.i]
	sel := g.deleted.from(nil, rowRange{0, int(group.Rows)}, group.first)
	rows := 0
	for _, r := range sel {
		rows += r.len()
	}
	e := tael.Explain{RowGroups: 1, Rows: int64(rows)}
	if g.counted.CompareAndSwap(false, true) {
		e.FilesRead = 1
	}
	if err := g.req.Meter.Read(e); err != nil {
		return nil, err
	}
	if rows == 0 {
		return nil, io.EOF
	}
	s := newSelection(g.f.group(g.i, g.req.Meter), sel, rows)
	defer s.r.close()
	if err := s.filter(ctx, g.req.Filter); err != nil {
		return nil, err
	}
	if s.len() == 0 {
		return nil, io.EOF
	}
	return s.batch(ctx, g.req.Columns)
}

// Close ends the scan. It is idempotent.
func (g *GroupScan) Close() { g.done = true }
