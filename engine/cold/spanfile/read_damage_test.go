package spanfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/fragment"
)

// readEverything uses every way to read a file and gives the first error. What it reads without one must be what want says.
func readEverything(t testing.TB, b []byte, want []string, ids []tael.TraceID) error {
	t.Helper()
	ctx := context.Background()
	o := DefaultReadOptions()
	o.Name = "bad.parquet"
	f, err := Open(ctx, &memoryFile{b: b}, int64(len(b)), o)
	if err != nil {
		return err
	}
	if err := f.Rows(ctx, nil, func(row int64, s *tael.Span) error {
		if want != nil && (row >= int64(len(want)) || describe(s) != want[row]) {
			t.Fatalf("row %d is wrong and no error says so:\n%s", row, describe(s))
		}
		return nil
	}); err != nil {
		return err
	}
	for _, id := range ids {
		spans, err := f.Trace(ctx, id, nil, nil)
		if err != nil {
			return err
		}
		if want != nil && len(spans) == 0 {
			t.Fatal("a trace is missing and no error says so")
		}
	}
	if err := f.Versions(ctx, ids, nil, nil, func(int64, tael.Identity, tael.Version) {}); err != nil {
		return err
	}
	m, err := tael.ParseMatch("app.tier!=zzz")
	if err != nil {
		t.Fatal(err)
	}
	filter := tael.Filter{Attributes: []tael.AttributeMatch{m}, MinDuration: 1, Operation: "e"}
	groups, err := f.Scan(ctx, query.ScanRequest{Filter: &filter, Terms: fragment.FilterTerms(&filter), Columns: fragment.Columns{Service: true, Attributes: []string{"user.id"}}}, nil)
	if err != nil {
		return err
	}
	for _, g := range groups {
		for {
			batch, err := g.Next(ctx)
			if err != nil {
				break
			}
			batch.Release()
		}
	}
	return nil
}

// TestDamageIsNamedOrHarmless changes bytes all over a file. Either reading it is an error of the right class that names the file, or everything that is
// read is right.
func TestDamageIsNamedOrHarmless(t *testing.T) {
	r := randomSource(t)
	spans := randomSpans(r, shapeOfSpans{traces: 30, perTrace: 5, services: 4, text: 300})
	o := smallOptions()
	o.RowGroupRows = 100
	good := writeSpans(t, o, spans)
	var want []string
	var ids []tael.TraceID
	for i := range spans {
		s := stored(spans[i])
		want = append(want, describe(&s))
		if i%20 == 0 {
			ids = append(ids, s.TraceID)
		}
	}
	if err := readEverything(t, good, want, ids); err != nil {
		t.Fatal(err)
	}
	named, harmless := 0, 0
	place := "" // of the change, for a failure
	defer func() {
		if t.Failed() {
			t.Log(place)
		}
	}()
	check := func(what string, b []byte) {
		t.Helper()
		err := readEverything(t, b, want, ids)
		switch {
		case err == nil:
			harmless++
		case !errors.Is(err, tael.ErrDamaged) && !errors.Is(err, tael.ErrNewer):
			t.Fatalf("%s: %v: of no class that says damage", what, err)
		case !strings.Contains(err.Error(), "bad.parquet"):
			t.Fatalf("%s: %v: the file is not named", what, err)
		default:
			named++
		}
	}
	step := max(1, len(good)/1200)
	for at := 0; at < len(good); at += 1 + r.IntN(2*step) {
		b := bytes.Clone(good)
		b[at] ^= 1 << r.IntN(8)
		place = fmt.Sprintf("byte %d of %d was %#x, is %#x", at, len(b), good[at], b[at])
		check("flip", b)
	}
	for range 100 {
		b := bytes.Clone(good)
		at := r.IntN(len(b))
		for i := at; i < min(len(b), at+r.IntN(64)); i++ {
			b[i] = byte(r.UintN(256))
		}
		check("overwrite", b)
	}
	for range 100 {
		check("cut", good[:r.IntN(len(good))])
	}
	for range 50 { // a hole, as of a lost block
		b := bytes.Clone(good)
		at := r.IntN(len(b))
		clear(b[at:min(len(b), at+4096)])
		check("hole", b)
	}
	t.Logf("%d named, %d harmless", named, harmless)
	if named < 500 {
		t.Fatalf("only %d changes were noticed", named)
	}
}

func TestOthersFilesAreRefused(t *testing.T) {
	for name, b := range map[string][]byte{
		"empty":   nil,
		"short":   []byte("PAR1PAR1"),
		"text":    []byte(strings.Repeat("this is no Parquet file\n", 100)),
		"foreign": foreignFile(t),
	} {
		err := readEverything(t, b, nil, nil)
		if !errors.Is(err, tael.ErrDamaged) || !strings.Contains(err.Error(), "bad.parquet") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// failingFile fails at the nth read.
type failingFile struct {
	memoryFile
	left int
	err  error
}

func (f *failingFile) ReadRange(ctx context.Context, off, n int64) ([]byte, error) {
	if f.left == 0 {
		return nil, f.err
	}
	f.left--
	return f.memoryFile.ReadRange(ctx, off, n)
}

// TestErrorsOfTheStoreKeepTheirClass: a store that fails is not a damaged file.
func TestErrorsOfTheStoreKeepTheirClass(t *testing.T) {
	r := randomSource(t)
	spans := randomSpans(r, shapeOfSpans{traces: 30, perTrace: 5, services: 4, text: 300})
	b := writeSpans(t, smallOptions(), spans)
	ctx := context.Background()
	lost := errors.New("connection lost")
	for n := range 8 {
		file := &failingFile{memoryFile: memoryFile{b: b}, left: n, err: lost}
		f, err := Open(ctx, file, int64(len(b)), DefaultReadOptions())
		if err == nil {
			_, err = f.Trace(ctx, spans[0].TraceID, nil, nil)
		}
		if err != nil && (!errors.Is(err, lost) || errors.Is(err, tael.ErrDamaged)) {
			t.Fatalf("after %d reads: %v", n, err)
		}
	}
	f, _ := openBytes(t, b)
	done, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := f.Trace(done, spans[0].TraceID, nil, nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("a cancelled look-up: %v", err)
	}
	if err := f.Rows(done, nil, func(int64, *tael.Span) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled rows: %v", err)
	}
	m := query.NewMeter(query.Budget{Bytes: 1})
	if _, err := f.Trace(ctx, spans[0].TraceID, nil, m); !errors.Is(err, tael.ErrBudget) {
		t.Fatalf("a look-up over budget: %v", err)
	}
	groups, err := f.Scan(ctx, query.ScanRequest{Meter: query.NewMeter(query.Budget{Rows: 1})}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := groups[0].Next(ctx); !errors.Is(err, tael.ErrBudget) {
		t.Fatalf("a scan over budget: %v", err)
	}
}
