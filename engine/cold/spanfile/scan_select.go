package spanfile

import (
	"bytes"
	"context"
	"strings"

	"github.com/taeldb/tael"
)

// selection is the rows of a row group that still can match, and the columns that were decoded for them. Columns are decoded when a test or the
// batch needs them, for the rows that are left by then; a test drops its rows from the columns decoded before. Used by one goroutine.
type selection struct {
	r      *groupReader
	ranges []rowRange
	rows   []int32 // of the group, in order
	flat   map[int]*vector
	keep   []int32
}

func newSelection(r *groupReader, ranges []rowRange, n int) *selection {
	s := &selection{r: r, ranges: ranges, rows: make([]int32, 0, n), flat: map[int]*vector{}}
	for _, x := range ranges {
		for i := x.from; i < x.to; i++ {
			s.rows = append(s.rows, int32(i))
		}
	}
	return s
}

func (s *selection) len() int { return len(s.rows) }

// vector gives a leaf in the rows of the selection. Flat ones are kept, and narrowed with it.
func (s *selection) vector(leaf int) (*vector, error) {
	if v := s.flat[leaf]; v != nil {
		return v, nil
	}
	v := &vector{}
	if err := s.r.vector(v, leaf, s.ranges); err != nil {
		return nil, err
	}
	if v.maxRep == 0 {
		s.flat[leaf] = v
	}
	return v, nil
}

// narrow keeps the rows at the places of keep, which are in order.
func (s *selection) narrow(keep []int32) {
	if len(keep) == len(s.rows) {
		return
	}
	for leaf, v := range s.flat {
		s.flat[leaf] = v.pick(keep)
	}
	s.ranges = s.ranges[:0:0]
	for i, k := range keep {
		row := s.rows[k]
		s.rows[i] = row
		if n := len(s.ranges); n > 0 && s.ranges[n-1].to == int(row) {
			s.ranges[n-1].to++
		} else {
			s.ranges = append(s.ranges, rowRange{int(row), int(row) + 1})
		}
	}
	s.rows = s.rows[:len(keep)]
}

// filter drops rows that do not match, cheap tests first.
func (s *selection) filter(ctx context.Context, f *tael.Filter) error {
	l := s.r.f.shared.layout
	b := &s.r.g.Bounds
	starts := f.From > b.MinStart || f.To != 0 && f.To <= b.MaxStart
	durations := f.MinDuration > 0 || f.MaxDuration != nil && *f.MaxDuration < b.MaxDuration
	var leaves []int
	need := func(yes bool, leaf int) {
		if yes {
			leaves = append(leaves, leaf)
		}
	}
	need(starts, l.start)
	need(durations, l.duration)
	need(f.Service != "", l.service)
	need(f.Status != nil, l.status)
	need(f.Kind != nil, l.kind)
	need(f.Operation != "", l.name)
	need(!f.SpanID.IsZero(), l.spanID)
	for i := range f.Attributes {
		leaves = append(leaves, s.attributeKeys(f.Attributes[i].Key)...)
	}
	if len(leaves) == 0 {
		return nil
	}
	if err := s.r.load(ctx, leaves, s.ranges); err != nil {
		return err
	}
	if f.Service != "" {
		if err := s.texts(l.service, func(v string) bool { return v == f.Service }); err != nil {
			return err
		}
	}
	if f.Status != nil {
		if err := s.ints(l.status, func(n int64) bool { return int32(n) == int32(*f.Status) }); err != nil {
			return err
		}
	}
	if f.Kind != nil {
		if err := s.ints(l.kind, func(n int64) bool { return int32(n) == int32(*f.Kind) }); err != nil {
			return err
		}
	}
	if durations {
		longest := ^uint64(0)
		if f.MaxDuration != nil {
			longest = *f.MaxDuration
		}
		if err := s.ints(l.duration, func(n int64) bool { d := uint64(max(n, 0)); return d >= f.MinDuration && d <= longest }); err != nil {
			return err
		}
	}
	if starts {
		// Microseconds will do: the rows at the edges that they let through are the caller's to test.
		if err := s.ints(l.start, func(n int64) bool { return uint64(n) >= f.From/1000 && (f.To == 0 || uint64(n) <= f.To/1000) }); err != nil {
			return err
		}
	}
	if f.Operation != "" {
		if err := s.texts(l.name, func(v string) bool { return strings.Contains(v, f.Operation) }); err != nil {
			return err
		}
	}
	if !f.SpanID.IsZero() {
		if err := s.spanID(l.spanID, f.SpanID); err != nil {
			return err
		}
	}
	for i := range f.Attributes {
		if s.len() == 0 {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.attribute(ctx, &f.Attributes[i]); err != nil {
			return err
		}
	}
	return nil
}

// texts keeps the rows whose text passes. A null does not.
func (s *selection) texts(leaf int, test func(string) bool) error {
	return s.test(leaf, func(v *values, i int) bool { return test(v.text(i)) })
}

// ints keeps the rows whose number passes.
func (s *selection) ints(leaf int, test func(int64) bool) error {
	return s.test(leaf, func(v *values, i int) bool { return test(v.ints[i]) })
}

func (s *selection) spanID(leaf int, id tael.SpanID) error {
	return s.test(leaf, func(v *values, i int) bool { return bytes.Equal(v.fixed(i), id[:]) })
}

// test keeps the rows of a column without nulls whose value passes. Values of a dictionary are tested once each.
func (s *selection) test(leaf int, pass func(v *values, i int) bool) error {
	if s.len() == 0 {
		return nil
	}
	v, err := s.vector(leaf)
	if err != nil {
		return err
	}
	keep := s.keep[:0]
	if v.dict != nil {
		verdicts := make([]bool, v.dict.len(v.shape))
		none := true
		for i := range verdicts {
			verdicts[i] = pass(v.dict, i)
			none = none && !verdicts[i]
		}
		if !none {
			for row, i := range v.index {
				if verdicts[i] {
					keep = append(keep, int32(row))
				}
			}
		}
	} else {
		for row := range v.rows {
			if pass(&v.values, row) {
				keep = append(keep, int32(row))
			}
		}
	}
	s.keep = keep
	s.narrow(keep)
	return nil
}

// pick gives a flat vector in the rows at the places of keep, which are in order.
func (v *vector) pick(keep []int32) *vector {
	out := &vector{shape: v.shape, rows: len(keep), absent: v.absent, dict: v.dict}
	if v.absent {
		return out
	}
	if v.maxDef == 0 {
		out.pickValues(v, keep)
		return out
	}
	out.def = make([]uint8, len(keep))
	taken := make([]int32, 0, len(keep))
	row, value := 0, int32(0)
	for k, at := range keep {
		for ; row < int(at); row++ {
			if v.def[row] == v.maxDef {
				value++
			}
		}
		if out.def[k] = v.def[at]; v.def[at] == v.maxDef {
			taken = append(taken, value)
		}
	}
	out.pickValues(v, taken)
	return out
}

// pickValues sets the values to those of v at the places of taken.
func (out *vector) pickValues(v *vector, taken []int32) {
	switch {
	case v.dict != nil:
		out.index = make([]uint32, len(taken))
		for i, k := range taken {
			out.index[i] = v.index[k]
		}
	case v.ints != nil:
		out.ints = make([]int64, len(taken))
		for i, k := range taken {
			out.ints[i] = v.ints[k]
		}
	default:
		out.values.width = v.values.width
		for _, k := range taken {
			_ = out.copyOf(v.shape, &v.values, int(k)) // no larger than v, so it fits
		}
	}
}
