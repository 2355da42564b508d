package query

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/taeldb/tael"
)

// maxDamage bounds the unreadable parts in a row after which a scan is given up.
const maxDamage = 1000

// candidate is a matching row that may be answered.
type candidate struct {
	key
	version tael.Version
	row     int64
	scan    int // index in scanner.scans
}

// collector takes the matching rows of a scan and keeps the best.
type collector interface {
	// add takes a row.
	add(candidate)
	// worst is the place that a row must come before to be answered; false while every row may be.
	worst() (key, bool)
	// enough reports whether what was added might be a whole page whose rows all have a sort key above bound.
	enough(bound uint64) bool
	// crowded reports whether rows wait that should be settled before more come.
	crowded() bool
	// settle finds out which of the waiting rows are answered. After an error it may be called again.
	settle(ctx context.Context) error
}

// scanner pulls record batches from all sources of a view, the one that can hold the best row first.
type scanner struct {
	*run
	plan   *plan
	filter *filter
	scans  []*openScan // all, by the order of sources; open until close
	queue  scanQueue   // those with something left
	early  bool        // stopped before the end
	first  uint64      // the largest sort key that any row can have
	unread uint64      // after a tael.ErrBudget: no row with a sort key above it was missed
}

// openScan is the scan of one source.
type openScan struct {
	name    string
	index   int
	scan    Scan
	bound   uint64
	damaged int // unreadable parts since the last batch
}

// open plans the scans of all sources.
func (s *scanner) open(ctx context.Context) error {
	for _, src := range s.view.Sources {
		f := s.plan.scan
		scan, err := src.Source.Scan(ctx, ScanRequest{
			Tenant: s.tenant, Filter: &f, Terms: s.plan.terms, Sort: s.plan.sort, Columns: s.plan.columns, Meter: s.meter,
		})
		if err != nil {
			if err = s.missing.note(src.Name, err); err != nil {
				return fmt.Errorf("scan %s: %w", src.Name, err)
			}
			continue
		}
		o := &openScan{name: src.Name, index: len(s.scans), scan: scan}
		s.scans = append(s.scans, o)
		if bound, more := scan.Bound(); more {
			o.bound = bound
			s.queue = append(s.queue, o)
		}
	}
	heap.Init(&s.queue)
	return nil
}

// close frees all scans.
func (s *scanner) close() {
	for _, o := range s.scans {
		o.scan.Close()
	}
}

// collect scans until nothing that is left can be answered, and settles. After a tael.ErrBudget, unread says how far it came.
func (s *scanner) collect(ctx context.Context, c collector) error {
	for len(s.queue) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		top := s.queue[0]
		s.unread = top.bound
		if c.crowded() || c.enough(top.bound) {
			if err := c.settle(ctx); err != nil {
				return err
			}
		}
		worst, full := c.worst()
		if full && top.bound < worst.first { // a row of the same sort key may still come first by its ids
			s.early = true
			break
		}
		if err := s.advance(ctx, top, c, worst, full); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.settle(ctx)
}

// advance tests the next batch of the top scan.
func (s *scanner) advance(ctx context.Context, top *openScan, c collector, worst key, full bool) error {
	batch, err := top.scan.Next(ctx)
	switch {
	case errors.Is(err, io.EOF):
		heap.Pop(&s.queue)
		return nil
	case err != nil:
		if err = s.missing.note(top.name, err); err != nil {
			return fmt.Errorf("scan %s: %w", top.name, err)
		}
		if top.damaged++; top.damaged > maxDamage || s.missing.isAway(top.name) {
			heap.Pop(&s.queue)
			return nil
		}
	default:
		top.damaged = 0
		err = s.test(batch, top.index, c, worst, full)
		batch.Release()
		if err != nil {
			return fmt.Errorf("scan %s: %w", top.name, err)
		}
	}
	bound, more := top.scan.Bound()
	if !more {
		heap.Pop(&s.queue)
		return nil
	}
	top.bound = min(bound, top.bound)
	heap.Fix(&s.queue, 0)
	return nil
}

// test hands the matching rows of a batch that can be answered to the collector.
func (s *scanner) test(batch arrow.RecordBatch, index int, c collector, worst key, full bool) error {
	var cols columns
	if err := cols.bind(batch); err != nil {
		return err
	}
	atLeast := uint64(0)
	if full {
		atLeast = worst.first
	}
	sel, err := s.filter.rows(&cols, atLeast)
	if err != nil {
		return err
	}
	for _, i := range sel {
		k := cols.key(s.plan.sort, i)
		if full && !k.before(worst) || s.plan.after != nil && !s.plan.after.before(k) {
			continue
		}
		c.add(candidate{key: k, version: cols.version(i), row: cols.row[i], scan: index})
	}
	return nil
}

// scanQueue is a heap with the largest bound on top; of equal bounds, the earlier source.
type scanQueue []*openScan

func (q scanQueue) Len() int { return len(q) }
func (q scanQueue) Less(i, j int) bool {
	if q[i].bound != q[j].bound {
		return q[i].bound > q[j].bound
	}
	return q[i].index < q[j].index
}
func (q scanQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *scanQueue) Push(x any)   { *q = append(*q, x.(*openScan)) }
func (q *scanQueue) Pop() any {
	old := *q
	o := old[len(old)-1]
	*q = old[:len(old)-1]
	return o
}
