package hot

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// FuzzSegment writes bytes over a part of a segment's log, and cuts it, and opens the store: it opens, serves nothing that was not sent, and says that
// something is gone when something is.
func FuzzSegment(f *testing.F) {
	fixtures := []string{"testdata/entries-v1", "testdata/blocks-v2"}
	f.Add(uint8(0), uint16(0), uint16(0), []byte{})
	f.Add(uint8(1), uint16(1000), uint16(0), []byte{0xff})
	f.Add(uint8(1), uint16(25), uint16(0), []byte{0, 0, 0, 0})
	f.Add(uint8(0), uint16(0), uint16(900), []byte{})
	sent := map[tael.Identity]tael.Span{}
	for _, tenant := range []string{"default", "other"} {
		for _, s := range goldenSpans(tenant) {
			sent[s.Identity()] = s
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, at, cut uint16, over []byte) {
		dir := copyDir(t, fixtures[int(which)%len(fixtures)])
		path := logOf(t, dir)
		log, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if int(at) < len(log) {
			copy(log[at:], over)
		}
		if err := os.WriteFile(path, log[:max(0, len(log)-int(cut))], 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, testOptions(dir))
		snap := s.Snapshot()
		defer snap.Release()
		found := 0
		for _, tenant := range []string{"default", "other"} {
			for _, sp := range scanAll(t, snap, tenant, &tael.Filter{}, tael.SortTime, nil) {
				want, ok := sent[sp.Identity()]
				if !ok {
					t.Fatalf("span %v was never sent", sp.Identity())
				}
				same(t, "a span that is left", []tael.Span{sp}, []tael.Span{want})
				found++
			}
		}
		if found < len(sent) && s.Health() == nil {
			t.Errorf("%d of %d spans are there, and nothing says so", found, len(sent))
		}
		// Looked at as an operator would.
		for _, seg := range segmentDirs(t, filepath.Clean(dir)) {
			if _, err := InspectSegment(t.Context(), seg, func(string, *fragment.Row) error { return nil }); err != nil {
				t.Log(err)
			}
		}
	})
}
