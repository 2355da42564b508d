package engine

import (
	"errors"
	"testing"

	"github.com/taeldb/tael"
)

// A limit that would drop all cold data but the newest day, or data that is not on the disk, is a mistake.
func TestMaxDisk(t *testing.T) {
	for _, c := range []struct {
		name, cold     string
		max, wantLimit int64 // of cold bytes; -1: refused
	}{
		{"none", "", 0, 0},
		{"none, in a bucket", "s3://b/p", 0, 0},
		{"large enough", "", 10 << 30, 10<<30 - share(1<<30, hotShare)},
		{"large enough, in a folder of its own", "file:///cold", 10 << 30, 10<<30 - share(1<<30, hotShare)},
		{"less than the hot tier", "", 100 << 20, -1},
		{"of a bucket", "s3://b/p", 10 << 30, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := DefaultOptions()
			o.DataDir, o.ColdURL, o.MemoryLimit, o.MaxDisk = "data", c.cold, 1<<30, c.max
			if err := o.Validate(); c.wantLimit < 0 {
				if !errors.Is(err, tael.ErrInvalid) {
					t.Fatalf("got %v, want it refused", err)
				}
				return
			} else if err != nil {
				t.Fatal(err)
			}
			if got := budgets(o).compactor.MaxColdBytes; got != c.wantLimit {
				t.Fatalf("cold data is bounded to %d, want %d", got, c.wantLimit)
			}
		})
	}
}
