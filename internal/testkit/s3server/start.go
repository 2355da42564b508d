package s3server

import (
	"context"
	"testing"
)

// Start is Run for a test: the server's objects are in a temporary directory, it is stopped when the test ends, and what
// it wrote is shown when the test failed. A missing binary fails the test.
func Start(t testing.TB, kind Kind) *Server {
	t.Helper()
	s, err := Run(context.Background(), Options{Kind: kind, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("stop %s: %v", kind, err)
		}
		if t.Failed() {
			t.Logf("%s wrote:\n%s", kind, s.Output())
		}
	})
	return s
}
