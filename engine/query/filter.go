package query

import (
	"bytes"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// filter tests the rows of record batches exactly as tael.Filter.Matches tests spans. It narrows a list of row numbers column by
// column, cheapest first, makes no garbage per row, and tests each word of a dictionary once. Used by one goroutine.
type filter struct {
	f          *tael.Filter
	sort       tael.Sort
	conditions []condition

	selected []int32
	verdicts []verdict // scratch: of the words of one dictionary
}

// verdict is what is known of a dictionary's word.
type verdict uint8

const (
	untested verdict = iota
	rejected
	accepted
)

func newFilter(f *tael.Filter, sort tael.Sort) *filter {
	c := &filter{f: f, sort: sort}
	for _, m := range f.Attributes {
		c.conditions = append(c.conditions, newCondition(m))
	}
	return c
}

// rows gives the rows of a batch that match and whose sort key is from atLeast on, in their order. The slice is good until the next call.
func (f *filter) rows(c *columns, atLeast uint64) ([]int32, error) {
	sel, err := f.fixed(c, f.inRange(c, atLeast))
	if err != nil {
		return nil, err
	}
	if f.f.Service != "" && len(sel) > 0 {
		if sel, err = f.texts(c, sel, fragment.ColumnService, func(s string) bool { return s == f.f.Service }); err != nil {
			return nil, err
		}
	}
	if f.f.Operation != "" && len(sel) > 0 {
		if sel, err = f.texts(c, sel, fragment.ColumnName, func(s string) bool { return strings.Contains(s, f.f.Operation) }); err != nil {
			return nil, err
		}
	}
	for i := range f.conditions {
		if len(sel) == 0 {
			break
		}
		if sel, err = f.attribute(c, sel, &f.conditions[i]); err != nil {
			return nil, err
		}
	}
	return sel, nil
}

// inRange starts the list with the rows within the bounds of start and duration.
func (f *filter) inRange(c *columns, atLeast uint64) []int32 {
	sel := f.selected[:0]
	from, to := f.f.From, f.f.To-1 // To 0 becomes the largest number
	shortest, longest := f.f.MinDuration, ^uint64(0)
	if f.f.MaxDuration != nil {
		longest = *f.f.MaxDuration
	}
	if f.sort == tael.SortDuration {
		shortest = max(shortest, atLeast)
	} else {
		from = max(from, atLeast)
	}
	duration := c.duration[:len(c.start)]
	for i, start := range c.start {
		if s, d := uint64(start), uint64(duration[i]); s >= from && s <= to && d >= shortest && d <= longest {
			sel = append(sel, int32(i))
		}
	}
	f.selected = sel
	return sel
}

// fixed narrows by status, kind and span id.
func (f *filter) fixed(c *columns, sel []int32) ([]int32, error) {
	if f.f.Kind != nil {
		sel = keepEqual(sel, c.kind, int32(*f.f.Kind))
	}
	if f.f.Status != nil && len(sel) > 0 {
		status, err := columnOf[*array.Int32](c.batch, fragment.ColumnStatus)
		if err != nil {
			return nil, err
		}
		sel = keepEqual(sel, status.Int32Values(), int32(*f.f.Status))
	}
	if !f.f.SpanID.IsZero() {
		kept := sel[:0]
		for _, i := range sel {
			if bytes.Equal(c.span.Value(int(i)), f.f.SpanID[:]) {
				kept = append(kept, i)
			}
		}
		sel = kept
	}
	return sel, nil
}

func keepEqual(sel, values []int32, want int32) []int32 {
	kept := sel[:0]
	for _, i := range sel {
		if values[i] == want {
			kept = append(kept, i)
		}
	}
	return kept
}

// texts narrows by a test of a string column without nulls.
func (f *filter) texts(c *columns, sel []int32, name string, test func(string) bool) ([]int32, error) {
	col, err := textsOf(c.batch, name)
	if err != nil {
		return nil, err
	}
	kept := sel[:0]
	if col.plain != nil {
		for _, i := range sel {
			if test(col.plain.Value(int(i))) {
				kept = append(kept, i)
			}
		}
		return kept, nil
	}
	verdicts := f.words(col.words.Len())
	for _, i := range sel {
		if verdictOf(verdicts, col, i, test) {
			kept = append(kept, i)
		}
	}
	return kept, nil
}

// words gives room for the verdicts of n words.
func (f *filter) words(n int) []verdict {
	if cap(f.verdicts) < n {
		f.verdicts = make([]verdict, n)
	}
	f.verdicts = f.verdicts[:n]
	clear(f.verdicts)
	return f.verdicts
}

// verdictOf tests the word of row i, once a word.
func verdictOf(verdicts []verdict, col texts, i int32, test func(string) bool) bool {
	w := col.indexes[i]
	if verdicts[w] == untested {
		verdicts[w] = rejected
		if test(col.words.Value(int(w))) {
			verdicts[w] = accepted
		}
	}
	return verdicts[w] == accepted
}
