package spanfile

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go/encoding/rle"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// The counts and bounds that go into Iceberg's manifests must hold for every row.
func TestInfoColumns(t *testing.T) {
	for name, c := range fileCases(t) {
		t.Run(name, func(t *testing.T) {
			_, info := writeFile(t, c.opts, c.rows)
			leaves := Leaves(Schema())
			if len(info.Columns) != len(leaves) {
				t.Fatalf("%d columns, want %d", len(info.Columns), len(leaves))
			}
			var size int64
			cells := make([]map[string]any, len(c.rows))
			for i, r := range c.rows {
				cells[i] = expect(c.opts.Tenant, r)
			}
			for i, s := range info.Columns {
				leaf := leaves[i]
				size += s.Bytes
				if s.FieldID != leaf.ID {
					t.Fatalf("column %d has id %d, want %d", i, s.FieldID, leaf.ID)
				}
				if leaf.MaxRep > 0 {
					if s.Lower != nil || s.Upper != nil {
						t.Errorf("%s has bounds", leaf.Name)
					}
					continue
				}
				var nulls int64
				for _, row := range cells {
					cell := row[leaf.Name]
					if cell == nil {
						nulls++
						continue
					}
					if s.Lower != nil && !within(cell, s.Lower, s.Upper, leaf.Type) {
						t.Fatalf("%s: %q is not in %q to %q", leaf.Name, cell, s.Lower, s.Upper)
					}
				}
				if s.Nulls != nulls || s.Values != int64(len(c.rows)) {
					t.Errorf("%s: %d nulls of %d, want %d of %d", leaf.Name, s.Nulls, s.Values, nulls, len(c.rows))
				}
				if (s.Lower == nil || s.Upper == nil) && nulls < s.Values && (&column{Leaf: leaf}).bounded() && leaf.Type != Double {
					t.Errorf("%s has no bounds", leaf.Name)
				}
			}
			if size >= info.Bytes {
				t.Errorf("columns of %d bytes in a file of %d", size, info.Bytes)
			}
		})
	}
}

// within compares a cell with Iceberg's single values.
func within(cell any, low, top []byte, typ Type) bool {
	switch v := cell.(type) {
	case string:
		return v >= string(low) && v <= string(top) && (typ != String || utf8.RuneCount(low) <= 16 && utf8.RuneCount(top) <= 16)
	case float64:
		from, to := math.Float64frombits(binary.LittleEndian.Uint64(low)), math.Float64frombits(binary.LittleEndian.Uint64(top))
		return math.IsNaN(v) || v >= from && v <= to
	case int64:
		if typ == Int {
			return v >= int64(int32(binary.LittleEndian.Uint32(low))) && v <= int64(int32(binary.LittleEndian.Uint32(top)))
		}
		return v >= int64(binary.LittleEndian.Uint64(low)) && v <= int64(binary.LittleEndian.Uint64(top))
	}
	return false
}

func TestTextBounds(t *testing.T) {
	for _, c := range []struct{ text, low, top string }{
		{"", "", ""},
		{"short", "short", "short"},
		{"0123456789abcdef", "0123456789abcdef", "0123456789abcdef"},
		{"0123456789abcdefg", "0123456789abcdef", "0123456789abcdeg"},
		{strings.Repeat("ü", 17), strings.Repeat("ü", 16), strings.Repeat("ü", 15) + "ý"},
		{"012345678901234\U0010ffffx", "012345678901234\U0010ffff", "012345678901235"},
		{strings.Repeat("\U0010ffff", 20), strings.Repeat("\U0010ffff", 16), "none"},
		{"012345678901234\ud7ffx", "012345678901234\ud7ff", "012345678901234\ue000"},
	} {
		var b valueBounds
		b.addBytes([]byte(c.text))
		low, top := b.iceberg(String)
		if top == nil {
			top = []byte("none")
		}
		if string(low) != c.low || string(top) != c.top {
			t.Errorf("%q: bounds %q to %q, want %q to %q", c.text, low, top, c.low, c.top)
		}
		low, top = b.index(String)
		if string(low) > c.text || string(top) < c.text || len(low) > 16 {
			t.Errorf("%q: index bounds %q to %q", c.text, low, top)
		}
	}
	var zero valueBounds
	zero.addDouble(0)
	zero.addDouble(math.NaN())
	low, top := zero.plain(Double)
	if a, b := math.Float64frombits(binary.LittleEndian.Uint64(low)), math.Float64frombits(binary.LittleEndian.Uint64(top)); !math.Signbit(a) || math.Signbit(b) || a != 0 || b != 0 {
		t.Errorf("bounds of zero are %v to %v, want both zeros inside", a, b)
	}
}

func TestHybrid(t *testing.T) {
	r := newRand(t)
	for i := range 3000 {
		width := 1 + r.IntN(20)
		var values []int32
		for n := r.IntN(60); len(values) < n; {
			v := int32(r.IntN(1 << width))
			for range 1 + r.IntN(4)*r.IntN(10) {
				values = append(values, v)
			}
		}
		packed := appendHybrid([]byte("before"), values, width)
		got, err := (&rle.Encoding{BitWidth: width}).DecodeInt32(nil, packed[len("before"):])
		if err != nil || len(got) < len(values) || fmt.Sprint(got[:len(values)]) != fmt.Sprint(values) {
			t.Fatalf("case %d, width %d: %v comes back as %v, %v", i, width, values, got, err)
		}
	}
}

// brokenWriter fails after some bytes.
type brokenWriter struct{ left int }

var errBroken = errors.New("disk is gone")

func (b *brokenWriter) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errBroken
	}
	return len(p), nil
}

func TestWriterErrors(t *testing.T) {
	rows := randomRows(newRand(t), 400)
	opts := testOptions()
	opts.RowGroupRows = 100
	data, _ := writeFile(t, opts, rows)
	for _, left := range []int{0, 4, 1000, len(data) / 2, len(data) - 20, len(data) - 1} {
		w := NewWriter(&brokenWriter{left}, opts)
		var err error
		for _, r := range rows {
			if err = w.Append(r); err != nil {
				break
			}
		}
		if _, closing := w.Close(); !errors.Is(cmp.Or(err, closing), errBroken) || !errors.Is(closing, errBroken) {
			t.Errorf("after %d bytes: append %v, close %v", left, err, closing)
		}
	}
	w := NewWriter(&bytes.Buffer{}, WriterOptions{})
	if err := w.Append(rows[0]); err == nil {
		t.Error("zero options are accepted")
	}
	if _, err := w.Close(); err == nil {
		t.Error("a file with zero options is closed")
	}
	w = NewWriter(&bytes.Buffer{}, opts)
	first, err1 := w.Close()
	second, err2 := w.Close()
	if err1 != nil || err2 != nil || first.Bytes != second.Bytes {
		t.Errorf("closed twice: %v, %v", err1, err2)
	}
	if err := w.Append(rows[0]); !errors.Is(err, tael.ErrClosed) {
		t.Errorf("append after close: %v", err)
	}
}

// What is not UTF-8 must not make the file unreadable for others.
func TestInvalidText(t *testing.T) {
	bad := []byte("a\xff\xfeb")
	row := &fragment.Row{
		Name: bad, StatusMessage: bad, TraceState: bad, Scope: &tael.Scope{Name: string(bad)},
		Resource:   &fragment.ResourceRow{Resource: tael.Resource{Attributes: []tael.KeyValue{{Key: "service.name", Value: tael.String(string(bad))}, {Key: string(bad), Value: tael.Int(1)}}}},
		Attributes: []fragment.Attr{{Key: bad, Kind: tael.KindString, Bytes: bad}, {Key: []byte("http.route"), Kind: tael.KindString, Bytes: bad}, {Key: bad, Kind: tael.KindInt, Num: 5}},
	}
	data, _ := writeFile(t, testOptions(), []*fragment.Row{row})
	cells := arrowRows(t, data)[0]
	for _, name := range []string{"name", "status_message", "trace_state", "scope_name", "service"} {
		if cells[name] != "a\uFFFDb" {
			t.Errorf("%s is %q", name, cells[name])
		}
	}
	if !utf8.ValidString(cells["resource"].(string)) {
		t.Errorf("resource is %q", cells["resource"])
	}
	want := []entry{{"a\uFFFDb", "\n\x04a\xff\xfeb"}, {"http.route", "\n\x04a\xff\xfeb"}, {"a\uFFFDb", "\x18\x05"}}
	if got := cells["attributes_other"]; show(got) != show(want) || cells["http_route"] != nil {
		t.Errorf("attributes_other is %v", show(got))
	}
}

// maxWriterBytes bounds what an open writer holds, whatever is written.
const maxWriterBytes = 64 << 20

func TestWriterMemory(t *testing.T) {
	r := newRand(t)
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = ' ' + byte(r.IntN(90))
		}
		return b
	}
	l := makeLoad(t, 30_000)
	var usual []*fragment.Row
	if err := l.rows(fragment.NewDecoder(), func(row *fragment.Row) error { usual = append(usual, row); return nil }); err != nil {
		t.Fatal(err)
	}
	var wide []*fragment.Row // every text column gets texts that no dictionary and no compressor helps with
	for i := range 600 {
		row := &fragment.Row{TraceID: tael.TraceID{1, byte(i), byte(i >> 8)}, Scope: &tael.Scope{}, Resource: &fragment.ResourceRow{}}
		for _, f := range Schema() {
			if f.Span != "" && f.Type == String {
				row.Attributes = append(row.Attributes, fragment.Attr{Key: []byte(f.Span), Kind: tael.KindString, Bytes: random(1000)})
			}
		}
		wide = append(wide, row)
	}
	for name, rows := range map[string][]*fragment.Row{"usual": usual, "wide": wide} {
		before := liveHeap()
		w := NewWriter(&brokenWriter{math.MaxInt}, testOptions())
		var most uint64
		for i, row := range rows {
			if err := w.Append(row); err != nil {
				t.Fatal(err)
			}
			if i%(len(rows)/8) == 0 || i == len(rows)-1 {
				most = max(most, liveHeap())
			}
		}
		held := int64(most) - int64(before)
		t.Logf("%s: %.1f MiB", name, float64(held)/(1<<20))
		if held > maxWriterBytes {
			t.Errorf("%s: the writer holds %d bytes, want at most %d", name, held, maxWriterBytes)
		}
		runtime.KeepAlive(w)
		runtime.KeepAlive(rows)
	}
}

func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
