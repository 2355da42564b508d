package cold

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"golang.org/x/sync/errgroup"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/cold/spanfile"
	"github.com/taeldb/tael/engine/query"
)

// ahead bounds the batches that a scan reads before they are asked for: two keep one core busy reading while another tests rows.
const ahead = 2

// scan merges the row groups of files by their bounds: always the part whose best row can be the best of all is read next. A file is opened
// when its turn comes; until then its bound is the manifest's.
type scan struct {
	view   *View
	req    query.ScanRequest
	files  []*dataFile // a file's index is the upper part of the column "row"
	parts  []*part     // by bound, the best last
	failed error       // ends the scan
	notes  []error     // damage to report
	given  int         // batches

	life    context.Context // of what is read ahead
	end     context.CancelFunc
	running sync.WaitGroup
	closed  bool
}

// part is a file that is not open yet, or a row group.
type part struct {
	file  int
	group *spanfile.GroupScan // nil: a file to open
	bound uint64
	early chan read // the result of reading ahead, once; nil when that has not begun
}

// read is the next piece of a part: a batch, or the row groups of the opened file.
type read struct {
	batch  arrow.RecordBatch
	groups []*spanfile.GroupScan
	err    error
}

func (r read) release() {
	if r.batch != nil {
		r.batch.Release()
	}
	for _, g := range r.groups {
		g.Close()
	}
}

// Scan implements query.Source.
func (v *View) Scan(ctx context.Context, req query.ScanRequest) (query.Scan, error) {
	if err := v.open(); err != nil {
		return nil, err
	}
	s := &scan{view: v, req: req, files: v.state.tenants[req.Tenant], notes: v.state.damage(req.Tenant)}
	if len(s.files) > maxFiles {
		return nil, errTooManyFiles(len(s.files))
	}
	pruned := 0
	for i, f := range s.files {
		if !fits(req.Filter, f) {
			pruned++
			continue
		}
		bound := f.maxStart
		if req.Sort == tael.SortDuration {
			bound = f.maxDuration
		}
		s.parts = append(s.parts, &part{file: i, bound: bound})
	}
	if err := req.Meter.Read(tael.Explain{FilesPruned: pruned}); err != nil {
		return nil, err
	}
	slices.SortStableFunc(s.parts, func(a, b *part) int { return compareBound(a.bound, b.bound) })
	s.life, s.end = context.WithCancel(ctx)
	return s, nil
}

// fits tells whether a file can have a matching row.
func fits(f *tael.Filter, file *dataFile) bool {
	return f == nil || !(f.From != 0 && file.maxStart < f.From || f.To != 0 && file.minStart >= f.To || file.maxDuration < f.MinDuration)
}

func compareBound(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// push puts a part at its place.
func (s *scan) push(p *part) {
	at, _ := slices.BinarySearchFunc(s.parts, p.bound, func(q *part, bound uint64) int { return compareBound(q.bound, bound) })
	s.parts = slices.Insert(s.parts, at, p)
}

// Bound implements query.Scan. It is what all parts that are not given yet can have at most, read ahead or not.
func (s *scan) Bound() (uint64, bool) {
	if s.failed != nil || len(s.notes) > 0 {
		return ^uint64(0), true // Next has something to say
	}
	if len(s.parts) == 0 {
		return 0, false
	}
	return s.parts[len(s.parts)-1].bound, true
}

// Next implements query.Scan. Damaged files: see View.
func (s *scan) Next(ctx context.Context) (arrow.RecordBatch, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		switch {
		case s.failed != nil:
			return nil, s.failed
		case s.closed:
			return nil, io.EOF
		case len(s.notes) > 0:
			note := s.notes[0]
			s.notes = s.notes[1:]
			return nil, note
		case len(s.parts) == 0:
			return nil, io.EOF
		}
		last := len(s.parts) - 1
		p := s.parts[last]
		s.parts = s.parts[:last]
		s.readAhead()
		batch, err := s.take(p, s.await(ctx, p))
		if batch != nil || err != nil {
			return batch, err
		}
	}
}

// readAhead begins to read the best parts, once the caller has shown that one batch is not enough for it.
func (s *scan) readAhead() {
	for i := len(s.parts) - 1; i >= 0 && i >= len(s.parts)-min(ahead, s.given); i-- {
		p := s.parts[i]
		if p.early != nil {
			continue
		}
		early := make(chan read, 1) // its own variable: await clears p.early meanwhile
		p.early = early
		s.running.Go(func() { early <- s.read(s.life, p) })
	}
}

// await gives the next piece of a part that is not in s.parts.
func (s *scan) await(ctx context.Context, p *part) read {
	if p.early == nil {
		return s.read(ctx, p)
	}
	early := p.early
	p.early = nil
	select {
	case r := <-early:
		return r
	case <-ctx.Done():
		s.running.Go(func() { (<-early).release() })
		return read{err: ctx.Err()}
	}
}

// read reads the next piece of a part.
func (s *scan) read(ctx context.Context, p *part) (r read) {
	f := s.files[p.file]
	if p.group != nil {
		r.batch, r.err = p.group.Next(ctx)
		if r.err != nil && !errors.Is(r.err, io.EOF) {
			r.err = fileError(f.key, r.err)
		}
		return r
	}
	file, err := s.view.table.files.get(ctx, f)
	if err != nil {
		return read{err: err}
	}
	r.groups, err = file.Scan(ctx, s.req, s.view.state.deleted[f.key])
	r.err = fileError(f.key, err)
	return r
}

// take puts what was read in its place. Without a batch and an error, the caller goes on.
func (s *scan) take(p *part, r read) (arrow.RecordBatch, error) {
	for _, g := range r.groups {
		if bound, ok := g.Bound(s.req.Sort); ok {
			s.push(&part{file: p.file, group: g, bound: bound})
		} else {
			g.Close()
		}
	}
	switch {
	case r.err == nil && r.batch == nil:
		return nil, nil // a file was opened
	case r.err == nil:
		if bound, ok := p.group.Bound(s.req.Sort); ok {
			p.bound = bound
			s.push(p)
		} else {
			p.group.Close()
		}
		s.given++
		return located(r.batch, p.file), nil
	}
	if p.group != nil {
		p.group.Close()
	}
	if errors.Is(r.err, io.EOF) {
		return nil, nil
	}
	if !errors.Is(r.err, tael.ErrDamaged) {
		s.failed = r.err
	}
	return nil, r.err
}

// Fetch implements query.Scan.
func (s *scan) Fetch(ctx context.Context, rows []int64) ([]tael.Span, error) {
	byFile := map[int][]int{} // indexes into rows
	for i, row := range rows {
		file := int(row >> rowBits)
		if file < 0 || file >= len(s.files) {
			return nil, errNoRow(row)
		}
		byFile[file] = append(byFile[file], i)
	}
	spans := make([]tael.Span, len(rows))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(s.view.table.opts.Parallel)
	for n, places := range byFile {
		g.Go(func() error {
			f := s.files[n]
			file, err := s.view.table.files.get(ctx, f)
			if err != nil {
				return err
			}
			numbers := make([]int64, len(places))
			for i, at := range places {
				numbers[i] = rows[at] & rowMask
			}
			got, err := file.Fetch(ctx, numbers, s.req.Meter)
			if err != nil {
				return fileError(f.key, err)
			}
			if len(got) != len(places) {
				return fileError(f.key, fmt.Errorf("%w: %d rows asked for, %d found", tael.ErrDamaged, len(places), len(got)))
			}
			for i, at := range places {
				spans[at] = got[i]
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return spans, nil
}

// Close implements query.Scan.
func (s *scan) Close() {
	if s.closed {
		return
	}
	s.closed = true
	s.end()
	s.running.Wait()
	for _, p := range s.parts {
		if p.early != nil {
			(<-p.early).release()
		}
		if p.group != nil {
			p.group.Close()
		}
	}
	s.parts = nil
}
