package spanfile

import (
	"context"
	"slices"
	"testing"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
)

// smallOptions make several row groups and many pages out of few rows.
func smallOptions() WriterOptions {
	o := readOptions()
	o.RowGroupRows, o.PageRows, o.PageBytes, o.DictionaryBytes = 700, 128, 4<<10, 2<<10
	return o
}

func TestRowsAreWhatWasWritten(t *testing.T) {
	r := randomSource(t)
	for name, o := range map[string]WriterOptions{"default": readOptions(), "small": smallOptions()} {
		t.Run(name, func(t *testing.T) {
			spans := randomSpans(r, shapeOfSpans{traces: 200, perTrace: 10, services: 9, text: 500})
			f, _ := openBytes(t, writeSpans(t, o, spans))
			n := 0
			err := f.Rows(context.Background(), nil, func(row int64, s *tael.Span) error {
				want := stored(spans[row])
				if got, want := describe(s), describe(&want); got != want {
					t.Fatalf("row %d:\n%s\nwant\n%s", row, got, want)
				}
				if row != int64(n) {
					t.Fatalf("row %d after %d", row, n-1)
				}
				n++
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if n != len(spans) || f.Info().Rows != int64(n) {
				t.Fatalf("%d rows, info %d, want %d", n, f.Info().Rows, len(spans))
			}
		})
	}
}

func TestTraceIsTheRowsOfTheTrace(t *testing.T) {
	r := randomSource(t)
	spans := randomSpans(r, shapeOfSpans{traces: 300, perTrace: 8, services: 5, text: 2000})
	f, _ := openBytes(t, writeSpans(t, smallOptions(), spans))
	var deleted Deleted
	for row := range spans {
		if r.IntN(5) == 0 {
			deleted = append(deleted, int64(row))
		}
	}
	for _, deleted := range []Deleted{nil, deleted} {
		want := map[tael.TraceID][]string{}
		rows := map[tael.TraceID][]int64{}
		var ids []tael.TraceID
		for row := range spans {
			id := spans[row].TraceID
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
			if _, ok := slices.BinarySearch(deleted, int64(row)); ok {
				continue
			}
			s := stored(spans[row])
			want[id] = append(want[id], describe(&s))
			rows[id] = append(rows[id], int64(row))
		}
		for _, id := range ids {
			m := query.NewMeter(query.Budget{})
			got, err := f.Trace(context.Background(), id, deleted, m)
			if err != nil {
				t.Fatal(err)
			}
			if !f.HasTrace(id) {
				t.Fatalf("HasTrace(%v) is false", id)
			}
			var texts []string
			for i := range got {
				texts = append(texts, describe(&got[i]))
			}
			if !slices.Equal(texts, want[id]) {
				t.Fatalf("trace %v: %d spans, want %d", id, len(texts), len(want[id]))
			}
			if len(got) > 0 && (m.Explain().Bytes == 0 || m.Explain().FilesRead != 1) {
				t.Fatalf("explain %+v", m.Explain())
			}
		}
		ids = append(ids, tael.TraceID{1}, tael.TraceID{2})
		got := map[tael.TraceID][]int64{}
		err := f.Versions(context.Background(), ids, deleted, nil, func(row int64, id tael.Identity, v tael.Version) {
			if s := &spans[row]; id != s.Identity() || v != s.Version() {
				t.Fatalf("row %d: %v %v, want %v %v", row, id, v, s.Identity(), s.Version())
			}
			got[id.TraceID] = append(got[id.TraceID], row)
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			if !slices.Equal(got[id], rows[id]) {
				t.Fatalf("versions of %v: rows %v, want %v", id, got[id], rows[id])
			}
		}
	}
	if spans, err := f.Trace(context.Background(), tael.TraceID{9}, nil, nil); err != nil || len(spans) > 0 {
		t.Fatalf("an absent trace: %d spans, %v", len(spans), err)
	}
}

func TestFetchKeepsTheOrderAsked(t *testing.T) {
	r := randomSource(t)
	spans := randomSpans(r, shapeOfSpans{traces: 200, perTrace: 8, services: 5, text: 100})
	f, _ := openBytes(t, writeSpans(t, smallOptions(), spans))
	for range 20 {
		rows := make([]int64, r.IntN(40))
		for i := range rows {
			rows[i] = r.Int64N(int64(len(spans)))
		}
		got, err := f.Fetch(context.Background(), rows, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range rows {
			want := stored(spans[row])
			if describe(&got[i]) != describe(&want) {
				t.Fatalf("row %d is not what was written", row)
			}
		}
	}
	if _, err := f.Fetch(context.Background(), []int64{int64(len(spans))}, nil); err == nil {
		t.Fatal("a row after the last was found")
	}
}
