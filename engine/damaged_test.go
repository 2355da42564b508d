package engine

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

// A data file that is lost or damaged must not keep newer spans of its traces in the hot tier, which would fill up. When the file is restored, its
// versions lose, and the next flush of their traces takes them out of the table.
func TestFlushBesideALostFile(t *testing.T) {
	o := testOptions(t)
	o.tune = func(p *parts) { p.compactor.DamagePatience = 0 }
	e := open(t, o)
	model := storetest.NewModel()
	spans := storetest.RandomSpans(storetest.NewRand(6), 40)
	flush := func() {
		t.Helper()
		appendSpans(t, e, tael.DefaultTenant, spans)
		model.Append(tael.DefaultTenant, spans)
		if _, err := e.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range spans {
			spans[i].End += uint64(time.Second)
		}
	}
	flush()
	var files []string
	err := filepath.WalkDir(filepath.Join(o.DataDir, "cold", "tael", "spans", "data"), func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".parquet") {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("files %v, %v", files, err)
	}
	for _, f := range files {
		if err := os.Rename(f, f+".away"); err != nil {
			t.Fatal(err)
		}
	}
	flush()
	want := model.Spans(tael.DefaultTenant, &tael.Filter{}, tael.SortTime)
	page, err := e.Spans(t.Context(), tael.DefaultTenant, tael.SpanQuery{})
	if err != nil || !page.Partial {
		t.Fatalf("partial %v, %v", page, err)
	}
	if d := storetest.DiffSpans(page.Spans, want); d != "" {
		t.Fatal(d)
	}
	for _, f := range files {
		if err := os.Rename(f+".away", f); err != nil {
			t.Fatal(err)
		}
	}
	flush()
	if err := storetest.CheckSpans(t.Context(), e, model, tael.DefaultTenant, tael.SpanQuery{Limit: 100}); err != nil {
		t.Fatal(err)
	}
	if st, err := e.Stats(t.Context(), tael.DefaultTenant); err != nil || st.ColdSpans != int64(len(want)) {
		t.Fatalf("stats %+v, %v: want %d rows in the table", st, err, len(want))
	}
}
