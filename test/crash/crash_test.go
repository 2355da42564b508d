package crash

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine"
	"github.com/taeldb/tael/engine/cold"
	"github.com/taeldb/tael/engine/cold/objstore"
	"github.com/taeldb/tael/engine/compactor"
	"github.com/taeldb/tael/engine/hot"
	"github.com/taeldb/tael/internal/testkit/child"
	"github.com/taeldb/tael/internal/testkit/s3server"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

// moment is when a process dies: at the n-th time that it comes before or after a step.
type moment struct {
	step    string
	arrival int
}

// moments lists the times before and after every step of all tiers.
func moments(arrivals func(before bool) []int) []moment {
	var out []moment
	add := func(name string, before bool) {
		for _, n := range arrivals(before) {
			out = append(out, moment{name, n})
		}
	}
	for _, s := range hot.Steps() {
		add(s, true)
		add(s+".done", false)
	}
	for _, s := range append(cold.Steps(), compactor.Steps()...) {
		add(s+".before", true)
		add(s+".after", false)
	}
	return out
}

func long() bool { return os.Getenv("TAEL_TEST_LONG") != "" }

// A process that dies at any step has lost nothing that it acknowledged, and nothing is there twice.
func TestKilledAtEveryStep(t *testing.T) {
	all := moments(func(before bool) []int {
		switch {
		case long():
			return []int{1, 2, 3, 5, 8}
		case before:
			return []int{2}
		}
		return []int{1}
	})
	for _, m := range all {
		t.Run(fmt.Sprintf("%s %d", m.step, m.arrival), func(t *testing.T) {
			t.Parallel()
			testKilled(t, m, place{Dir: storetest.Dir(t)})
		})
	}
}

// The same with the cold tier on an S3 server: the steps at which something of it is half done, and with TAEL_TEST_LONG all.
func TestKilledOnS3(t *testing.T) {
	main := map[string]bool{}
	for _, s := range []string{cold.StepFlushFile, cold.StepFlushDeletes, cold.StepCommitManifest, cold.StepCommitMetadata, cold.StepCommitHint, compactor.StepSwap} {
		main[s+".before"], main[s+".after"] = true, true
	}
	for _, kind := range []s3server.Kind{s3server.Versitygw, s3server.MinIO} {
		if kind == s3server.MinIO && !long() {
			continue
		}
		t.Run(string(kind), func(t *testing.T) {
			s := s3server.Start(t, kind)
			for i, m := range moments(func(bool) []int { return []int{2} }) {
				if !main[m.step] && !long() {
					continue
				}
				t.Run(fmt.Sprintf("%s %d", m.step, m.arrival), func(t *testing.T) {
					testKilled(t, m, place{Dir: storetest.Dir(t), ColdURL: s.URL(fmt.Sprint("p", i)), S3: s.Options()})
				})
			}
		})
	}
}

func testKilled(t *testing.T, m moment, p place) {
	where, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	c := child.Start(t, "victim", "TAEL_CRASH_PLACE="+string(where), "TAEL_CRASH_STEP="+m.step, fmt.Sprint("TAEL_CRASH_ARRIVAL=", m.arrival))
	begun, acked, ended := -1, -1, false
	for line := range c.Lines {
		var n int
		word, _, _ := strings.Cut(line, " ")
		if _, err := fmt.Sscanf(line, word+" %d", &n); err != nil {
			t.Fatalf("the child said %q: %v", line, err)
		}
		switch word {
		case "begin":
			begun = n
		case "ack":
			acked = n
		case "end":
			ended = true
			if n == 0 {
				t.Errorf("step %s was never reached", m.step)
			}
		}
	}
	err, gone := c.Wait(time.Minute)
	switch {
	case !gone:
		t.Fatal("the child does not end")
	case ended != (err == nil):
		t.Fatalf("the child ended with %v", err)
	case !ended && !strings.Contains(err.Error(), "killed"):
		t.Fatalf("the child failed: %v\n%s", err, c.Errors())
	case ended && m.arrival == 1:
		t.Fatalf("the child was not killed at %s", m.step)
	}
	check(t, p, script(), begun, acked)
}

// check opens the store again and compares it with what was acknowledged.
func check(t *testing.T, p place, requests []request, begun, acked int) {
	ctx := t.Context()
	var c clock
	c.jump(80 * time.Hour) // later than the child's
	e := open(t, p, &c)
	sure, all := storetest.NewModel(), storetest.NewModel()
	for i, r := range requests[:begun+1] {
		all.Append(r.tenant, r.spans)
		if i <= acked {
			sure.Append(r.tenant, r.spans)
		}
	}
	for _, tenant := range []string{tael.DefaultTenant, "other"} {
		if err := storetest.CheckEither(ctx, e, tenant, sure, all); err != nil {
			t.Fatalf("%d begun, %d acknowledged: %v", begun+1, acked+1, err)
		}
	}
	// The client that got no answer sends its request again, and then the rest.
	model := sure
	for _, r := range requests[acked+1:] {
		if err := storetest.Append(ctx, e, r.tenant, r.spans); err != nil {
			t.Fatal(err)
		}
		model.Append(r.tenant, r.spans)
	}
	same(t, e, model, "after the rest was sent")
	if err := e.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	same(t, e, model, "after a flush")
	c.jump(50 * time.Hour)
	if err := e.Maintain(ctx); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = open(t, p, &c)
	same(t, e, model, "after clean-up and a restart")
	noLeftovers(t, p, e)
}

func open(t *testing.T, p place, c *clock) *appender {
	t.Helper()
	e, err := engine.Open(t.Context(), p.options(c))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return &appender{e}
}

func same(t *testing.T, e *appender, m *storetest.Model, when string) {
	t.Helper()
	for _, tenant := range []string{tael.DefaultTenant, "other"} {
		for sort := tael.SortTime; sort <= tael.SortDuration; sort++ {
			if err := storetest.CheckSpans(t.Context(), e, m, tenant, tael.SpanQuery{Sort: sort, Limit: 1000}); err != nil {
				t.Fatalf("%s: %v", when, err)
			}
		}
		if err := storetest.CheckTraces(t.Context(), e, m, tenant, tael.TraceQuery{Limit: 1000, Full: true}); err != nil {
			t.Fatalf("%s: %v", when, err)
		}
	}
}

// noLeftovers checks that the store has the data files of the table and no others, and that nothing of dead segments is left.
func noLeftovers(t *testing.T, p place, e *appender) {
	t.Helper()
	files := 0
	for _, tenant := range []string{tael.DefaultTenant, "other"} {
		s, err := e.Stats(t.Context(), tenant)
		if err != nil {
			t.Fatal(err)
		}
		files += s.ColdFiles
		if s.HotSpans != 0 {
			t.Errorf("%d spans of %s are still hot", s.HotSpans, tenant)
		}
	}
	url := p.ColdURL
	if url == "" {
		url = "file://" + p.Dir + "/cold"
	}
	store, err := objstore.Open(t.Context(), url, p.S3)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var found []string
	for info, err := range store.List(t.Context(), "tael/spans/data/") {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(info.Key, ".parquet") && !strings.HasSuffix(info.Key, ".deletes.parquet") {
			found = append(found, info.Key)
		}
	}
	if len(found) != files {
		t.Errorf("the table has %d data files, the store %d:\n%s", files, len(found), strings.Join(found, "\n"))
	}
}
