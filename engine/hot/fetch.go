package hot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/fragment"
)

// errEnough ends a walk early.
var errEnough = errors.New("enough")

// Fetch decodes each entry that is named once.
func (s *scan) Fetch(ctx context.Context, rows []int64) ([]tael.Span, error) {
	if s.closed {
		return nil, errClosed("fetch")
	}
	var held int64
	defer func() { _ = s.request.Meter.Hold(-held) }() // the answer is the caller's to hold
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(rows[a], rows[b]) })
	spans := make([]tael.Span, len(rows))
	for len(order) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		segment, at, _ := splitLocator(rows[order[0]])
		if segment < 0 || segment >= len(s.snapshot.held) || int(at) >= len(s.snapshot.held[segment].view.records) {
			return nil, fmt.Errorf("hot: fetch row %d: %w: no batch of this scan had it", rows[order[0]], tael.ErrInvalid)
		}
		ordinal := 0
		err := s.reader(segment).rows(&s.snapshot.held[segment].view.records[at], func(row *fragment.Row) error {
			for len(order) > 0 && rows[order[0]] == locator(segment, at, ordinal) {
				spans[order[0]] = row.Span()
				n := query.SpanBytes(&spans[order[0]])
				held += n
				if err := s.request.Meter.Hold(n); err != nil {
					return err
				}
				order = order[1:]
			}
			ordinal++
			if len(order) == 0 || rows[order[0]]>>ordinalBits != locator(segment, at, 0)>>ordinalBits {
				return errEnough
			}
			return nil
		})
		if err == nil {
			return nil, fmt.Errorf("hot: fetch row %d: %w: the entry has %d rows", rows[order[0]], tael.ErrInvalid, ordinal)
		}
		if !errors.Is(err, errEnough) {
			return nil, err
		}
	}
	return spans, nil
}

// reader gives the scan's reader of a segment.
func (s *scan) reader(segment int) *reader {
	if s.readers == nil {
		s.readers = make([]*reader, len(s.snapshot.held))
		s.decoder = fragment.NewDecoder()
		s.blocks = newUnpacked(keptBlocks, s.request.Meter, s.snapshot.held[segment].segment.buffers)
	}
	if s.readers[segment] == nil {
		h := &s.snapshot.held[segment]
		s.readers[segment] = newReader(h.segment, &h.view, s.decoder, s.request.Meter, s.blocks)
	}
	return s.readers[segment]
}

// Close frees what the scan holds.
func (s *scan) Close() {
	if s.closed {
		return
	}
	s.closed = true
	for _, r := range s.readers {
		if r != nil {
			r.close()
		}
	}
	if s.blocks != nil {
		s.blocks.release()
	}
	if s.builder != nil {
		s.builder.Release()
	}
	s.release()
	s.heap, s.segments, s.readers = nil, nil, nil
}

// release gives the memory of the candidates back to the meter, which only refuses more.
func (s *scan) release() { _ = s.request.Meter.Hold(-s.held) }
