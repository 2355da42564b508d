package storetest

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// roomy is the free space that a file system in memory must have to be used by tests.
const roomy = 4 << 30

// Dir is a folder that goes with the test, in memory where there is room: the many syncs of a small store are not what its test is about.
func Dir(t testing.TB) string {
	t.Helper()
	var s unix.Statfs_t
	if err := unix.Statfs("/dev/shm", &s); err != nil || s.Bavail*uint64(s.Bsize) < roomy {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp("/dev/shm", "tael-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
