package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"

	"github.com/taeldb/tael"
)

// find runs the scans into a collector. A query over all time that goes over its scan budget is not at an end: the error is spent, the
// collector has settled what was found, and the caller answers the certain part of it.
func (s *scanner) find(ctx context.Context, c collector) (spent, err error) {
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	if len(s.queue) > 0 {
		s.first = s.queue[0].bound
	}
	err = s.collect(ctx, c)
	if errors.Is(err, tael.ErrBudget) && s.plan.timeless() {
		s.meter.Extend() // to look up and fetch what was found
		return err, c.settle(ctx)
	}
	return nil, err
}

// certain is how many of n rows in the list's order come before everything that was not read.
func (s *scanner) certain(n int, at func(int) key) int {
	return sort.Search(n, func(i int) bool { return at(i).first <= s.unread })
}

// goOn is the cursor that goes on where the scan budget was spent, when the page holds the rows found before. A page that makes no progress is
// the error.
func (s *scanner) goOn(rows int, spent error) (string, error) {
	k := startOf(s.unread)
	if rows == 0 && (s.plan.after == nil && s.unread >= s.first || s.plan.after != nil && !s.plan.after.before(k)) {
		return "", spent
	}
	s.missing.add("what follows in the order of the list: the scan budget is spent, go on with next_cursor")
	return formatCursor(s.plan.query, k), nil
}

// fetch reads the whole spans of rows, each scan's in one call, and puts them in the order of rows. A span that cannot be read back is left out.
func (s *scanner) fetch(ctx context.Context, rows []candidate) ([]tael.Span, error) {
	spans := make([]tael.Span, len(rows))
	read := make([]bool, len(rows))
	byScan := make([][]int, len(s.scans))
	for i := range rows {
		byScan[rows[i].scan] = append(byScan[rows[i].scan], i)
	}
	for scan, places := range byScan {
		if len(places) == 0 {
			continue
		}
		slices.SortFunc(places, func(a, b int) int { return cmp.Compare(rows[a].row, rows[b].row) })
		if err := s.fetchFrom(ctx, s.scans[scan], rows, places, spans, read); err != nil {
			return nil, err
		}
	}
	kept := spans[:0]
	for i := range spans {
		if read[i] {
			kept = append(kept, spans[i])
		}
	}
	return kept, nil
}

// fetchFrom reads the rows at places from their scan into the same places of spans.
func (s *scanner) fetchFrom(ctx context.Context, o *openScan, rows []candidate, places []int, spans []tael.Span, read []bool) error {
	if s.missing.isAway(o.name) {
		return nil
	}
	numbers := make([]int64, len(places))
	for i, at := range places {
		numbers[i] = rows[at].row
	}
	got, err := o.scan.Fetch(ctx, numbers)
	if err == nil && len(got) != len(numbers) {
		err = fmt.Errorf("asked for %d spans, got %d", len(numbers), len(got))
	}
	if err != nil {
		if err = s.missing.note(o.name, err); err != nil {
			return fmt.Errorf("fetch %d spans from %s: %w", len(numbers), o.name, err)
		}
		if len(places) > 1 { // find the others by halves
			half := len(places) / 2
			if err := s.fetchFrom(ctx, o, rows, places[:half], spans, read); err != nil {
				return err
			}
			return s.fetchFrom(ctx, o, rows, places[half:], spans, read)
		}
		return nil
	}
	for i, at := range places {
		spans[at], read[at] = got[i], true
	}
	return s.hold(got)
}
