package engine

import (
	"errors"
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

// A start beside damaged metadata of the table: what is hot, and what older metadata lists, is answered and said to be partial. What is acknowledged waits, and when the
// metadata is restored everything is there once, without a restart.
func TestStartBesideDamagedMetadata(t *testing.T) {
	for _, pattern := range []string{"v*.metadata.json", "*-s0-*.avro", "*-m0-*.avro"} {
		t.Run(pattern, func(t *testing.T) {
			h := newHarness(t, smallOptions(t))
			model := storetest.NewModel()
			gen := storetest.NewGenerator(storetest.NewRand(7))
			send := func() {
				t.Helper()
				spans := make([]tael.Span, 20)
				for i := range spans {
					spans[i] = gen.Span()
				}
				model.Append(tael.DefaultTenant, spans)
				if err := storetest.Append(t.Context(), h, tael.DefaultTenant, spans); err != nil {
					t.Fatal(err)
				}
			}
			for range 3 {
				send()
				if err := h.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			send()
			hot := len(model.Spans(tael.DefaultTenant, &tael.Filter{}, tael.SortTime)) - 60
			if err := h.Close(); err != nil {
				t.Fatal(err)
			}
			victim := newestFile(t, filepath.Join(h.o.DataDir, "cold", "tael", "spans", "metadata", pattern))
			whole, err := os.ReadFile(victim)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(victim, whole[:len(whole)/2], 0o600); err != nil {
				t.Fatal(err)
			}
			if err := h.open(t.Context()); err != nil {
				t.Fatal(err)
			}
			page, err := h.Spans(t.Context(), tael.DefaultTenant, tael.SpanQuery{Limit: tael.MaxLimit})
			if err != nil || !page.Partial || !strings.Contains(strings.Join(page.Missing, " "), filepath.Base(victim)) || len(page.Spans) < hot+20 || len(page.Spans) >= hot+60 {
				t.Fatalf("%d spans, %d of them hot; %+v, %v", len(page.Spans), hot, page.Coverage, err)
			}
			send()
			if err := h.Flush(t.Context()); !errors.Is(err, tael.ErrDamaged) {
				t.Fatalf("flush: %v", err)
			}
			if err := os.WriteFile(victim, whole, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := h.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := compare(t.Context(), h, model, tael.DefaultTenant); err != nil {
					t.Fatal(err)
				}
				if err := h.Restart(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// newestFile is the file that was written last of those that match.
func newestFile(t *testing.T, pattern string) (path string) {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	var newest time.Time
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if !info.ModTime().Before(newest) {
			path, newest = name, info.ModTime()
		}
	}
	if path == "" {
		t.Fatalf("nothing matches %s", pattern)
	}
	return path
}
