package hot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// goldenSpans are what the segments in testdata hold, in two requests of two tenants. They never change.
func goldenSpans(tenant string) []tael.Span {
	var spans []tael.Span
	for i := range 12 {
		start := uint64(loadEnd.UnixNano()) - uint64(i)*1_000_000_000
		spans = append(spans, tael.Span{
			TraceID: tael.TraceID{0: byte(i%4 + 1), 1: tenant[0], 15: 2}, SpanID: tael.SpanID{7: byte(i + 1)}, Name: fmt.Sprintf("%s %d", tenant, i), Kind: tael.SpanKindClient,
			Start: start, End: start + 500, Status: tael.Status{Code: tael.StatusCode(i % 3)}, Attributes: []tael.KeyValue{{Key: "gen_ai.system", Value: tael.String("openai")}},
			Resource: &tael.Resource{Attributes: []tael.KeyValue{{Key: "service.name", Value: tael.String(tenant)}}}, Scope: &tael.Scope{Name: "lib"},
		})
	}
	return spans
}

func goldenBatches(t *testing.T) []*fragment.Batch {
	var list []*fragment.Batch
	for _, tenant := range []string{"default", "other"} {
		spans := goldenSpans(tenant)
		list = append(list, cut(t, tenant, fragment.AppendOTLP(nil, spans[:5])), cut(t, tenant, fragment.AppendOTLP(nil, spans[5:])))
	}
	return list
}

// writeGolden writes a data directory with the golden spans, as a kill leaves it.
func writeGolden(t *testing.T, dir string) {
	t.Helper()
	o := testOptions(t.TempDir())
	appendAll(t, open(t, o), goldenBatches(t))
	copied := copyDir(t, o.Dir)
	for _, seg := range segmentDirs(t, copied) {
		if _, _, err := trimLogs(seg, false); err != nil {
			t.Fatal(err)
		}
		if err := dropValueLogs(seg); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(seg, "LOCK")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(dir, os.DirFS(copied)); err != nil {
		t.Fatal(err)
	}
}

// What earlier releases left is served. To make the newest fixture anew, remove it and set TAEL_TEST_GOLDEN=1, which is right only with a new version of a format.
func TestSegmentsOfEarlierReleases(t *testing.T) {
	const newest = "testdata/blocks-v2"
	if _, err := os.Stat(newest); os.Getenv("TAEL_TEST_GOLDEN") == "1" && errors.Is(err, fs.ErrNotExist) {
		writeGolden(t, newest)
	}
	m := newModel()
	m.add(t, goldenBatches(t)...)
	for _, dir := range []string{"testdata/entries-v1", newest} {
		s := open(t, testOptions(copyDir(t, dir)))
		if st := s.Stats(); st.Spans != 24 || len(st.Gaps) > 0 || len(st.Damaged) > 0 {
			t.Errorf("%s: %+v", dir, st)
		}
		checkAll(t, s, m)
		for _, seg := range segmentDirs(t, copyDir(t, dir)) {
			spans := 0
			r, err := InspectSegment(context.Background(), seg, func(string, *fragment.Row) error { spans++; return nil })
			if err != nil || len(r.Damage) > 0 || spans != 24 {
				t.Errorf("%s: %d spans, %+v, %v", dir, spans, r, err)
			}
		}
	}
}

// A directory of a former layout is read as it is, and says that older releases must leave it alone before anything is in it that they cannot read.
func TestLayoutOfEarlierReleases(t *testing.T) {
	dir := copyDir(t, "testdata/entries-v1")
	name := func() string {
		b, err := os.ReadFile(filepath.Join(dir, dataDirFile))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	before := name()
	s := open(t, testOptions(dir))
	if name() != before {
		t.Errorf("opened, the directory says %q, want %q as before", name(), before)
	}
	id := s.DataDir()
	var said string
	o := testOptions(dir)
	o.Hook = func(step string) {
		if step == StepWrite {
			said = name()
		}
	}
	closeStore(t, s)
	s = open(t, o)
	m := newModel()
	m.add(t, goldenBatches(t)...)
	more := cut(t, "third", fragment.AppendOTLP(nil, goldenSpans("third")))
	m.add(t, more)
	appendAll(t, s, []*fragment.Batch{more})
	if want := layoutVersion + "\n" + id + "\n"; said != want || s.DataDir() != id {
		t.Errorf("before the first block is written the directory says %q, want %q", said, want)
	}
	closeStore(t, s)
	s = open(t, testOptions(dir))
	checkAll(t, s, m)
	if s.DataDir() != id {
		t.Errorf("the data directory is %s, want %s as before", s.DataDir(), id)
	}
}
