package engine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

// A data directory that is restored from an older copy, beside a table that went on, takes new spans and loses none: their segments must not have
// the counters of segments that the table has.
func TestRestoredDataDirectory(t *testing.T) {
	o := testOptions(t)
	o.ColdURL = "file://" + t.TempDir()
	rng, model := storetest.NewRand(8), storetest.NewModel()
	send := func(e *Engine) {
		t.Helper()
		spans := storetest.RandomSpans(rng, 20)
		appendSpans(t, e, tael.DefaultTenant, spans)
		model.Append(tael.DefaultTenant, spans)
	}
	flush := func(e *Engine) {
		t.Helper()
		if _, err := e.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	shut := func(e *Engine) {
		t.Helper()
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	e := open(t, o)
	send(e)
	shut(e)
	older := filepath.Join(t.TempDir(), "older")
	if err := os.CopyFS(older, os.DirFS(o.DataDir)); err != nil {
		t.Fatal(err)
	}
	e = open(t, o)
	for range 3 {
		flush(e)
		send(e)
	}
	flush(e)
	shut(e)

	o.DataDir = older
	e = open(t, o)
	send(e)
	flush(e)
	send(e)
	if err := storetest.CheckSpans(t.Context(), e, model, tael.DefaultTenant, tael.SpanQuery{Limit: 50}); err != nil {
		t.Fatal(err)
	}
	shut(e)
	e = open(t, o)
	if err := storetest.CheckSpans(t.Context(), e, model, tael.DefaultTenant, tael.SpanQuery{Limit: 50}); err != nil {
		t.Fatal(err)
	}
}
