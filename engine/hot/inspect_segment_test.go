package hot

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// inspected reads a segment and holds what it has against the model.
func inspected(t *testing.T, dir string, m *model) *SegmentReport {
	t.Helper()
	got := map[string][]tael.Span{}
	r, err := InspectSegment(context.Background(), dir, func(tenant string, row *fragment.Row) error {
		got[tenant] = append(got[tenant], row.Span())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for tenant, want := range m.spans {
		same(t, "inspected", got[tenant], want)
		if r.Tenants[tenant] != int64(len(want)) {
			t.Fatalf("%d spans of %s are reported, want %d", r.Tenants[tenant], tenant, len(want))
		}
	}
	return r
}

func TestInspectSegments(t *testing.T) {
	o := testOptions(t.TempDir())
	s := open(t, o)
	m := newModel()
	batches := append(cutAll(t, "default", requests(t, 600, 50)), cutAll(t, "other", requests(t, 100, 10))...)
	m.add(t, batches...)
	appendAll(t, s, batches)
	check := func(state string) {
		t.Helper()
		dir, err := InspectDir(o.Dir)
		if err != nil || dir.DataDir != s.DataDir() || dir.Counter != 1 || len(dir.Segments) != 1 || !IsSegment(dir.Segments[0]) {
			t.Fatalf("%+v, %v", dir, err)
		}
		r := inspected(t, dir.Segments[0], m)
		if r.Counter != 1 || r.State != "" || r.Spans != 700 || r.Resources == 0 || int(r.Synced) != r.Entries || len(r.Damage) > 0 || r.Bounds.MinStart == 0 {
			t.Fatalf("%s: %+v", state, r)
		}
		if inTable := state == "closed"; inTable != (len(r.Tables) > 0) {
			t.Fatalf("%s: %+v", state, r)
		}
	}
	check("active, of a running store")
	if err := s.Seal(context.Background()); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	check("closed")
	stop := errors.New("stop")
	if _, err := InspectSegment(context.Background(), segmentDirs(t, o.Dir)[0], func(string, *fragment.Row) error { return stop }); !errors.Is(err, stop) {
		t.Fatalf("an error of yield comes back as %v", err)
	}
}

func TestInspectNamesDamage(t *testing.T) {
	dir, _ := killed(t)
	seg, log := segmentDirs(t, dir)[0], logOf(t, dir)
	flip(t, log, logEnd(t, log)/2)
	r, err := InspectSegment(context.Background(), seg, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(r.Damage, "\n")
	if !strings.Contains(all, filepath.Base(log)) || !strings.Contains(all, "has lost") || r.Spans == 0 || r.Spans >= 600 {
		t.Fatalf("%+v", r)
	}
	if err := os.WriteFile(filepath.Join(seg, syncedFile), []byte("not a number"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err = InspectSegment(context.Background(), seg, nil); err != nil || !strings.Contains(strings.Join(r.Damage, "\n"), "high-water") {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := InspectDir(seg); err == nil {
		t.Fatal("a segment is taken for the whole tier")
	}
}
