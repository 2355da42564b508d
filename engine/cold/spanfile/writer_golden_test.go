package spanfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/zeebo/xxh3"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// golden compares with a file of testdata, or writes it when TAEL_TEST_UPDATE=1.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if updating() {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs: got\n%.2000s\nwant\n%.2000s", path, got, want)
	}
}

// updating asks for the files to be written anew.
func updating() bool { return os.Getenv("TAEL_TEST_UPDATE") == "1" }

// Ids, names and types are for ever: files and tables that exist have them.
func TestSchemaIsForEver(t *testing.T) {
	var b strings.Builder
	seen := map[int32]bool{}
	var list func(fields []Field, path string)
	list = func(fields []Field, path string) {
		for _, f := range fields {
			if seen[f.ID] || f.ID == 0 {
				t.Errorf("%s%s has id %d, which is taken", path, f.Name, f.ID)
			}
			seen[f.ID] = true
			fmt.Fprintf(&b, "%d %s%s type %d length %d optional %t span %q resource %q\n", f.ID, path, f.Name, f.Type, f.Length, f.Optional, f.Span, f.Resource)
			list(f.Fields, path+f.Name+".")
		}
	}
	list(Schema(), "")
	golden(t, "schema.txt", []byte(b.String()))
}

// A file of the first release stays readable, with all it holds.
func TestGoldenFile(t *testing.T) {
	const file = "spans_v1.parquet"
	if updating() {
		opts := testOptions()
		opts.RowGroupRows, opts.PageRows, opts.PageBytes = 8, 4, 1024
		data, _ := writeFile(t, opts, randomRows(rand.New(rand.NewPCG(42, 42)), 16))
		if err := os.WriteFile(filepath.Join("testdata", file), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for i, cells := range arrowRows(t, data) {
		var names []string
		for name := range cells {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			fmt.Fprintf(&b, "%d %s %s\n", i, name, show(cells[name]))
		}
	}
	golden(t, "spans_v1.txt", []byte(b.String()))
	if s := sectionsOf(t, data); len(s.Groups) != 2 || s.Groups[0].Rows+s.Groups[1].Rows != 16 {
		t.Errorf("%d row groups", len(s.Groups))
	}
}

// Every trace must be found in the sections, where its rows are, and the bounds must be those of the rows.
func TestSections(t *testing.T) {
	for name, c := range fileCases(t) {
		t.Run(name, func(t *testing.T) {
			data, info := writeFile(t, c.opts, c.rows)
			s := sectionsOf(t, data)
			if len(s.Groups) != info.RowGroups || len(info.Splits) != info.RowGroups {
				t.Fatalf("%d sections and %d splits for %d row groups", len(s.Groups), len(info.Splits), info.RowGroups)
			}
			var all Bounds
			traces := map[tael.TraceID]bool{}
			at := 0
			for _, g := range s.Groups {
				var bounds Bounds
				for row := range g.Rows {
					r := c.rows[at]
					at++
					bounds.add(r.Start, r.End, r.StatusCode == 2)
					if row == 0 || r.TraceID != c.rows[at-2].TraceID {
						bounds.Traces++
						if found := fmt.Sprint(g.Index.find(nil, r.TraceID)); found != fmt.Sprint([]int64{row}) {
							t.Fatalf("trace %v is found at %s, it begins at %d", r.TraceID, found, row)
						}
					}
					traces[r.TraceID] = true
					checkTerms(t, g.Terms, s.Traces, r)
				}
				if bounds != g.Bounds {
					t.Errorf("bounds %+v, want %+v", g.Bounds, bounds)
				}
				all.merge(bounds)
			}
			all.Traces = int64(len(traces))
			if all != info.Bounds {
				t.Errorf("bounds of the file %+v, want %+v", info.Bounds, all)
			}
		})
	}
}

func sectionsOf(t *testing.T, data []byte) *sections {
	t.Helper()
	pf, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	value, ok := pf.Lookup(MetadataSections)
	if !ok {
		t.Fatalf("no %s in the footer", MetadataSections)
	}
	ref, err := parseSectionsRef(value)
	if err != nil {
		t.Fatal(err)
	}
	s, err := parseSections(data[ref.Offset : ref.Offset+ref.Length])
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func checkTerms(t *testing.T, terms, traces []byte, r *fragment.Row) {
	t.Helper()
	for _, term := range r.AppendTerms(nil) {
		if !fragment.FilterHas(terms, term) {
			t.Fatal("a term of a row is not in its row group's filter")
		}
	}
	if !fragment.FilterHas(traces, fragment.TermTrace(r.TraceID)) {
		t.Fatalf("trace %v is not in the file's filter", r.TraceID)
	}
}

func TestSectionErrors(t *testing.T) {
	s := &sections{Traces: []byte("filter"), Groups: []groupSection{{Bounds: Bounds{Rows: 3}, Index: appendTraceIndex(nil, []uint64{5 << 32, 1<<32 | 2}), Terms: []byte("terms")}, {}}}
	block := appendSections(nil, s)
	if got, err := parseSections(block); err != nil || fmt.Sprint(got) != fmt.Sprint(s) {
		t.Fatalf("read %v, %v", got, err)
	}
	for n := range block {
		if _, err := parseSections(block[:n]); !errors.Is(err, tael.ErrDamaged) {
			t.Fatalf("%d bytes of %d: %v", n, len(block), err)
		}
		bad := bytes.Clone(block)
		bad[n] ^= 1
		if _, err := parseSections(bad); !errors.Is(err, tael.ErrDamaged) && !errors.Is(err, tael.ErrNewer) {
			t.Fatalf("byte %d changed: %v", n, err)
		}
	}
	newer := bytes.Clone(block)
	newer[4] = 2
	if _, err := parseSections(newer); !errors.Is(err, tael.ErrNewer) {
		t.Errorf("newer sections: %v", err)
	}
	for value, want := range map[string]error{
		"10,20,1": nil, "10,20,2": tael.ErrNewer, "10,20,2,more": tael.ErrNewer, "10,20,0": tael.ErrDamaged, "": tael.ErrDamaged, "10,20": tael.ErrDamaged,
		"-1,20,1": tael.ErrDamaged, "1,-2,1": tael.ErrDamaged, "a,b,c": tael.ErrDamaged, "99999999999999999999,1,1": tael.ErrDamaged,
	} {
		if _, err := parseSectionsRef(value); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", value, err, want)
		}
	}
}

// FuzzSections reads any bytes as a block. What it accepts is written back as it was.
func FuzzSections(f *testing.F) {
	f.Add(appendSections(nil, &sections{Groups: []groupSection{{Index: appendTraceIndex(nil, []uint64{7}), Terms: []byte("terms")}}}), false)
	f.Fuzz(func(t *testing.T, b []byte, seal bool) {
		if seal { // the checksum keeps most inputs from what is behind it
			b = binary.LittleEndian.AppendUint64(bytes.Clone(b), xxh3.Hash(b))
		}
		s, err := parseSections(b)
		if err != nil {
			if !errors.Is(err, tael.ErrDamaged) && !errors.Is(err, tael.ErrNewer) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(appendSections(nil, s), b) {
			t.Fatal("written back differently")
		}
	})
}
