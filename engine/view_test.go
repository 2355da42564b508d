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

// A commit that took place but cannot be read back must not take its segment out of the answers.
func TestACommitThatCannotBeReadBackKeepsItsSegment(t *testing.T) {
	o := testOptions(t)
	data := filepath.Join(o.DataDir, "cold", "tael", "spans", "data")
	broken := "" // a file of position deletes that cannot be read for now
	o.Hook = func(step string) {
		if _, err := os.Stat(data); err != nil || step != "commit.metadata.after" || broken != "" {
			return
		}
		err := filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, ".deletes.parquet") {
				broken = path
				// A link to itself is an error of the disk, neither missing nor damaged.
				err = errors.Join(os.Rename(path, path+".away"), os.Symlink(filepath.Base(path), path))
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	e := open(t, o)
	model := storetest.NewModel()
	spans := storetest.RandomSpans(storetest.NewRand(5), 50)
	send := func() {
		t.Helper()
		appendSpans(t, e, tael.DefaultTenant, spans)
		model.Append(tael.DefaultTenant, spans)
	}
	check := func() {
		t.Helper()
		if err := storetest.CheckSpans(t.Context(), e, model, tael.DefaultTenant, tael.SpanQuery{Limit: 100}); err != nil {
			t.Fatal(err)
		}
	}
	send()
	if _, err := e.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range spans {
		spans[i].End += uint64(time.Second) // so that the next flush writes position deletes
	}
	send()
	if _, err := e.Flush(t.Context()); err == nil || broken == "" {
		t.Fatalf("the flush's error is %v, the file that was broken %q", err, broken)
	}
	check()
	if err := os.Rename(broken+".away", broken); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	check()
	st, err := e.Stats(t.Context(), tael.DefaultTenant)
	if err != nil || st.HotSpans != 0 || st.ColdSpans != int64(len(model.Spans(tael.DefaultTenant, &tael.Filter{}, tael.SortTime))) {
		t.Fatalf("stats %+v, %v", st, err)
	}
}
