package spanfile

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sort"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/fragment"
)

// Deleted is the rows of a file that position deletes took out of the table, in ascending order. Nil is none.
type Deleted []int64

// from appends to dst what is left of the rows of r of a row group that begins at row first of the file.
func (d Deleted) from(dst []rowRange, r rowRange, first int64) []rowRange {
	i := sort.Search(len(d), func(i int) bool { return d[i] >= first+int64(r.from) })
	for ; i < len(d) && d[i] < first+int64(r.to); i++ {
		row := int(d[i] - first)
		if row > r.from {
			dst = append(dst, rowRange{r.from, row})
		}
		r.from = row + 1
	}
	if r.from < r.to {
		dst = append(dst, r)
	}
	return dst
}

// ranges appends the rows of the traces of the group that have the hash of id.
func (g *group) ranges(dst []rowRange, id tael.TraceID) []rowRange {
	var scratch [4]int64
	for _, row := range g.index.find(scratch[:0], id) {
		next := g.Rows
		for i := range g.index.len() {
			if r := g.index.row(i); r > row && r < next {
				next = r
			}
		}
		if row < next {
			dst = append(dst, rowRange{int(row), int(next)})
		}
	}
	return dst
}

// Trace gives the rows of a trace that are not deleted, in no order; none is not an error.
func (f *File) Trace(ctx context.Context, id tael.TraceID, deleted Deleted, m *query.Meter) ([]tael.Span, error) {
	return f.Traces(ctx, []tael.TraceID{id}, deleted, m)
}

// Traces gives the rows of the traces that are not deleted, in no order. What lies together is read once for all of them.
func (f *File) Traces(ctx context.Context, ids []tael.TraceID, deleted Deleted, m *query.Meter) ([]tael.Span, error) {
	wanted := f.canHave(ids)
	if len(wanted) == 0 {
		return nil, nil
	}
	var found []tael.Span
	var held int64
	defer func() { _ = m.Hold(-held) }() // the answer is the caller's to hold
	read := false
	for i := range f.groups {
		sel := f.groups[i].rowsOf(wanted, deleted)
		if len(sel) == 0 {
			continue
		}
		spans, err := f.read(ctx, i, sel, &read, m)
		if err != nil {
			return nil, err
		}
		// Another trace can have the same hash.
		spans = slices.DeleteFunc(spans, func(s tael.Span) bool {
			_, ok := wanted[s.TraceID]
			return !ok
		})
		n := int64(0)
		for i := range spans {
			n += query.SpanBytes(&spans[i])
		}
		held += n
		if err := m.Hold(n); err != nil {
			return nil, err
		}
		found = append(found, spans...)
	}
	return found, nil
}

// canHave gives those of the traces that the file's filter does not exclude.
func (f *File) canHave(ids []tael.TraceID) map[tael.TraceID]struct{} {
	wanted := make(map[tael.TraceID]struct{})
	for _, id := range ids {
		if fragment.FilterHas(f.traces, fragment.TermTrace(id)) {
			wanted[id] = struct{}{}
		}
	}
	return wanted
}

// rowsOf gives the rows of the group that have the hashes of the traces and are not deleted, in order.
func (g *group) rowsOf(wanted map[tael.TraceID]struct{}, deleted Deleted) []rowRange {
	var all []rowRange
	for id := range wanted {
		all = g.ranges(all, id)
	}
	slices.SortFunc(all, func(a, b rowRange) int { return a.from - b.from })
	all = slices.Compact(all) // two of the traces can have one hash
	if len(deleted) == 0 {
		return all
	}
	var sel []rowRange
	for _, r := range all {
		sel = deleted.from(sel, r, g.first)
	}
	return sel
}

// read gives whole spans of a row group. read says whether the file has been counted.
func (f *File) read(ctx context.Context, group int, sel []rowRange, counted *bool, m *query.Meter) ([]tael.Span, error) {
	e := tael.Explain{RowGroups: 1}
	if !*counted {
		e.FilesRead, *counted = 1, true
	}
	if err := m.Read(e); err != nil {
		return nil, err
	}
	v, err := f.vectors(ctx, group, f.shared.layout.whole, sel, m)
	if err != nil {
		return nil, err
	}
	return f.spans(group, v)
}

// Versions calls yield with every row of the traces that is not deleted. It reads only row groups that have one of them, and only the columns
// that make up an identity and a version.
func (f *File) Versions(ctx context.Context, ids []tael.TraceID, deleted Deleted, m *query.Meter, yield func(row int64, id tael.Identity, v tael.Version)) error {
	wanted := f.canHave(ids)
	if len(wanted) == 0 {
		return nil
	}
	for i := range f.groups {
		if err := f.groupVersions(ctx, i, wanted, deleted, m, yield); err != nil {
			return err
		}
	}
	return nil
}

func (f *File) groupVersions(ctx context.Context, i int, wanted map[tael.TraceID]struct{}, deleted Deleted, m *query.Meter, yield func(row int64, id tael.Identity, v tael.Version)) error {
	g := &f.groups[i]
	sel := g.rowsOf(wanted, deleted)
	if len(sel) == 0 {
		return nil
	}
	v, err := f.vectors(ctx, i, f.shared.layout.versions, sel, m)
	if err != nil {
		return err
	}
	traces, spans, starts, nanos, durations, sequences, kinds := &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6]
	at := 0
	for _, r := range sel {
		for row := r.from; row < r.to; row, at = row+1, at+1 {
			var id tael.Identity
			copy(id.TraceID[:], traces.fixed(at))
			if _, ok := wanted[id.TraceID]; !ok {
				continue
			}
			copy(id.SpanID[:], spans.fixed(at))
			id.Kind = tael.SpanKind(kinds.int(at))
			start := uint64(starts.int(at))*1000 + uint64(nanos.int(at))
			yield(g.first+int64(row), id, tael.Version{End: start + uint64(durations.int(at)), Sequence: uint64(sequences.int(at))})
		}
	}
	return nil
}

// Fetch gives the spans of rows of the file, in the order asked.
func (f *File) Fetch(ctx context.Context, rows []int64, m *query.Meter) ([]tael.Span, error) {
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(rows[a], rows[b]) })
	out := make([]tael.Span, len(rows))
	counted := true // a fetch follows a scan
	for at := 0; at < len(order); {
		first := rows[order[at]]
		i := sort.Search(len(f.groups), func(i int) bool { return f.groups[i].first+f.groups[i].Rows > first })
		if first < 0 || i == len(f.groups) {
			return nil, f.damage("", errNoRow)
		}
		g := &f.groups[i]
		var sel []rowRange
		end := at
		for ; end < len(order) && rows[order[end]] < g.first+g.Rows; end++ {
			row := int(rows[order[end]] - g.first)
			switch n := len(sel); {
			case n > 0 && sel[n-1].to == row+1: // asked twice
			case n > 0 && sel[n-1].to == row:
				sel[n-1].to++
			default:
				sel = append(sel, rowRange{row, row + 1})
			}
		}
		spans, err := f.read(ctx, i, sel, &counted, m)
		if err != nil {
			return nil, err
		}
		n := -1
		for k := at; k < end; k++ {
			if k == at || rows[order[k]] != rows[order[k-1]] {
				n++
			}
			out[order[k]] = spans[n]
		}
		at = end
	}
	return out, nil
}

// rowsAtOnce bounds what Rows decodes at a time.
var errNoRow = errors.New("a row was asked for that the file does not have")

const rowsAtOnce = 2048

// Rows calls yield with every row that is not deleted, in file order. The span is yield's to keep.
func (f *File) Rows(ctx context.Context, deleted Deleted, yield func(row int64, s *tael.Span) error) error {
	counted := true
	for i := range f.groups {
		g := &f.groups[i]
		for from := 0; from < int(g.Rows); from += rowsAtOnce {
			sel := deleted.from(nil, rowRange{from, min(from+rowsAtOnce, int(g.Rows))}, g.first)
			if len(sel) == 0 {
				continue
			}
			spans, err := f.read(ctx, i, sel, &counted, nil)
			if err != nil {
				return err
			}
			at := 0
			for _, r := range sel {
				for row := r.from; row < r.to; row, at = row+1, at+1 {
					if err := yield(g.first+int64(row), &spans[at]); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}
