package crash

import (
	"strings"
	"testing"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine"
	"github.com/taeldb/tael/engine/cold/objstore"
	"github.com/taeldb/tael/internal/testkit/storetest"
)

// check opens the store again and compares it with what was acknowledged.
func check(t *testing.T, p place, requests []request, begun, acked int) {
	ctx := t.Context()
	var c clock
	c.jump(p.ahead())
	e := open(t, p, &c)
	sure, all := storetest.NewModel(), storetest.NewModel()
	for i, r := range requests[:begun+1] {
		all.Append(r.tenant, r.spans)
		if i <= acked {
			sure.Append(r.tenant, r.spans)
		}
	}
	for _, tenant := range append(tenants(), doomed) {
		least := sure
		if tenant == doomed { // which may be gone
			least = storetest.NewModel()
		}
		if err := storetest.CheckEither(ctx, e, tenant, least, all); err != nil {
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
	for range 2 { // what leaves the table goes from the store later
		c.jump(50 * time.Hour)
		if err := e.Maintain(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = open(t, p, &c)
	same(t, e, model, "after clean-up and a restart")
	if err := storetest.CheckEither(ctx, e, doomed, storetest.NewModel(), storetest.NewModel()); err != nil {
		t.Fatalf("old days, after clean-up: %v", err)
	}
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
	for _, tenant := range tenants() {
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
	for _, tenant := range append(tenants(), doomed) {
		s, err := e.Stats(t.Context(), tenant)
		if err != nil {
			t.Fatal(err)
		}
		files += s.ColdFiles
		if s.HotSpans != 0 {
			t.Errorf("%d spans of %s are still hot", s.HotSpans, tenant)
		}
	}
	store, err := objstore.Open(t.Context(), p.coldURL(), p.S3)
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
