package compactor

import (
	"context"
	"encoding/binary"
	"testing"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// rows is a segment of one trace.
type rows struct {
	one
	list []fragment.Row
}

func (s rows) Traces(_ context.Context, yield func(string, Trace) error) error {
	return yield(tael.DefaultTenant, rowTrace{list: s.list})
}

type rowTrace struct {
	empty
	list []fragment.Row
}

func (t rowTrace) Keys(yield func(*fragment.Row) error) error { return t.Rows(yield) }
func (t rowTrace) Rows(yield func(*fragment.Row) error) error {
	for i := range t.list {
		if err := yield(&t.list[i]); err != nil {
			return err
		}
	}
	return nil
}

// Of a trace that has very many spans in the table, a flush remembers those that its segment has as well.
func TestFoundVersionsAreBoundedByTheSegment(t *testing.T) {
	span := func(n int) (id tael.SpanID) {
		binary.BigEndian.PutUint64(id[:], uint64(n)+1)
		return id
	}
	seg := rows{}
	for n := 7; n < 3*manyVersions; n += 1000 {
		seg.list = append(seg.list, fragment.Row{TraceID: tael.TraceID{1}, SpanID: span(n)})
	}
	f := &found{flush: &flush{seg: seg}, tenant: tael.DefaultTenant, versions: map[tael.Identity]Found{}}
	most := 0
	for n := range 3 * manyVersions {
		f.add(t.Context(), Found{Identity: tael.Identity{TraceID: tael.TraceID{1}, SpanID: span(n)}})
		most = max(most, len(f.versions))
	}
	if f.err != nil || most > manyVersions || len(f.versions) != len(seg.list) {
		t.Fatalf("%v, %d versions at most, %d in the end, want %d", f.err, most, len(f.versions), len(seg.list))
	}
	for i := range seg.list {
		if _, ok := f.versions[seg.list[i].Identity()]; !ok {
			t.Fatalf("the version of row %d is not there", i)
		}
	}
}
