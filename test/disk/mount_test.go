//go:build disk

package disk

import (
	"testing"

	"github.com/taeldb/tael/internal/testkit/diskfs"
)

// TestMount tells whether a disk can be mounted on this machine. The other tests need it.
func TestMount(t *testing.T) {
	if err := diskfs.Probe(t); err != nil {
		t.Fatalf("no disk can be mounted here: %v", err)
	}
}
