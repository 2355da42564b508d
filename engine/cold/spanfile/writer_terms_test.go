package spanfile

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"testing"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// A row group's terms are those of its rows, no more and no less, although the writer leaves out what its dictionaries say that it has met.
func TestTermsOfRowGroup(t *testing.T) {
	r := newRand(t)
	rows := randomRows(r, 3000)
	for _, row := range rows {
		row.Resource.Service = row.Resource.ServiceName() // as a decoder fills it in
		switch r.IntN(12) {
		case 0:
			row.Resource = nil
		case 1: // encoded like none
			row.Resource = &fragment.ResourceRow{Service: tael.UnknownService}
		case 2: // not valid UTF-8: all are one key in the file, and each has its own term
			key := pickOne(r, "\xff", "\xfe", "\ufffd", "\xff\xff")
			row.Attributes = append(row.Attributes, fragment.Attr{Key: []byte(key), Kind: tael.KindDouble}, fragment.Attr{Key: []byte("none")})
		case 3:
			row.Kind = int32(r.IntN(200) - 100)
		}
	}
	opts := testOptions()
	opts.RowGroupRows, opts.PageRows, opts.DictionaryBytes = 500, 70, 600 // dictionaries fill up
	w := NewWriter(io.Discard, opts)
	want := map[uint64]bool{}
	for i, row := range rows {
		groups := len(w.rowGroups)
		if err := w.Append(row); err != nil {
			t.Fatal(err)
		}
		if len(w.rowGroups) != groups {
			clear(want)
		}
		for _, term := range row.AppendTerms(nil) {
			want[term] = true
		}
		got := slices.Sorted(slices.Values(w.terms.list()))
		if i%100 == 99 && !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
			t.Fatalf("after row %d there are %d terms, want %d", i, len(got), len(want))
		}
	}
	if len(w.rowGroups) < 3 {
		t.Fatalf("%d row groups, want several", len(w.rowGroups))
	}
}

// A key is known once, whatever stood before it, also after what was known of too many keys was forgotten.
func TestKeyIsKnownOnce(t *testing.T) {
	r := newRand(t)
	w := NewWriter(io.Discard, testOptions())
	a := &w.attrs
	for range 3 {
		for i := range maxKeys + 1 {
			for _, key := range []string{fmt.Sprint("new", i), fmt.Sprint("old", r.IntN(3)), pickOne(r, "\xff", "\xfe", "\ufffd")} {
				valid := validText([]byte(key))
				if k := a.key([]byte(key)); k != a.keys[string(valid)] || string(k.text) != string(valid) {
					t.Fatalf("key %q is known as %q", key, k.text)
				}
			}
		}
		a.startGroup()
		if len(a.keys) != 0 {
			t.Fatalf("%d keys are known still", len(a.keys))
		}
	}
}
