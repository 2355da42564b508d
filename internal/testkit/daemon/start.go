package daemon

import (
	"context"
	"testing"
)

// Start is Run for a test: without a data directory it takes one that goes with the test, it is killed when the test ends, and what it wrote is
// shown when the test failed.
func Start(t testing.TB, o Options) *Daemon {
	t.Helper()
	if o.DataDir == "" {
		o.DataDir = t.TempDir()
	}
	d, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("end taeld: %v", err)
		}
		if t.Failed() {
			t.Logf("taeld wrote:\n%s", d.Output())
		}
	})
	return d
}
